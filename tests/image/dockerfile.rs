//! As much of the Dockerfile's language as ours uses, and of the format of programs as is needed to see that one is static.

/// A step, such as `RUN` and what follows it, continued lines joined.
#[derive(Debug)]
pub(crate) struct Instruction {
    pub(crate) word: String,
    pub(crate) rest: String,
}

/// What stands from one `FROM` to the next.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) from: String,
    pub(crate) name: Option<String>,
    pub(crate) instructions: Vec<Instruction>,
}

impl Stage {
    /// What follows each instruction of this word.
    pub(crate) fn all(&self, word: &str) -> Vec<&str> {
        self.instructions.iter().filter(|step| step.word == word).map(|step| step.rest.as_str()).collect()
    }
}

/// The stages of a Dockerfile.
///
/// # Panics
/// If something stands before the first of them.
pub(crate) fn parse(text: &str) -> Vec<Stage> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let mut stages: Vec<Stage> = Vec::new();
    for line in lines.join("\n").replace("\\\n", " ").lines().filter(|line| !line.trim().is_empty()) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.split_whitespace().collect::<Vec<_>>().join(" ");
        if word == "FROM" {
            let (from, name) = rest.split_once(" AS ").map_or((rest.as_str(), None), |(from, name)| (from, Some(name)));
            stages.push(Stage { from: from.into(), name: name.map(str::to_owned), instructions: Vec::new() });
        } else {
            let stage = stages.last_mut().unwrap_or_else(|| panic!("before the first stage: {line}"));
            stage.instructions.push(Instruction { word: word.into(), rest });
        }
    }
    stages
}

/// `A=b C="d e"` as names and values.
pub(crate) fn assignments(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = text.trim();
    while let Some((name, value)) = rest.split_once('=') {
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').expect("a quote is closed"),
            None => value.split_once(' ').unwrap_or((value, "")),
        };
        pairs.push((name.to_owned(), value.to_owned()));
        rest = after.trim_start();
    }
    pairs
}

/// Whether a program asks for another one (`ld.so`) to load its libraries: it has an `INTERP` segment.
pub(crate) fn needs_a_loader(program: &[u8]) -> bool {
    const INTERP: u32 = 3;
    assert!(program.starts_with(b"\x7fELF\x02\x01"), "not a 64-bit little-endian ELF file");
    let number = |at: usize, bytes: usize| {
        program[at..at + bytes].iter().rev().fold(0_usize, |number, &byte| number << 8 | usize::from(byte))
    };
    let (start, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    (0..count).any(|segment| number(start + segment * size, 4) == INTERP as usize)
}

#[test]
fn a_dockerfile_is_read_as_a_builder_reads_it() {
    let stages = parse("# a\nFROM x:1 AS one\nRUN a \\\n# between\n    && b\n\nFROM scratch\nUSER 1:1\n");
    assert_eq!(stages.len(), 2);
    assert_eq!((stages[0].from.as_str(), stages[0].name.as_deref()), ("x:1", Some("one")));
    assert_eq!(stages[0].all("RUN"), ["a && b"], "a comment amid a continued line is none of it");
    assert_eq!((stages[1].from.as_str(), stages[1].all("USER")), ("scratch", vec!["1:1"]));
    assert_eq!(
        assignments(r#"A=b C="d e=f" G=h"#),
        [("A", "b"), ("C", "d e=f"), ("G", "h")].map(|(a, b)| (a.into(), b.into()))
    );
}

#[test]
fn a_program_that_needs_a_loader_is_told_from_one_that_does_not() {
    // This test is linked as everything usually is.
    assert!(needs_a_loader(&std::fs::read(std::env::current_exe().unwrap()).unwrap()));
}
