use super::*;
use crate::engine::parse::{MAX_DEPTH, Value};

/// The tree as compact JSON, duplicate keys included, numbers as they are held.
fn shown(node: &Node<'_>) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => format!("{value:?}"),
        Value::Text(text) => format!("{text:?}"),
        Value::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(",")),
        Value::Map(members) => {
            let member = |member: &crate::engine::parse::Member<'_>| format!("{}:{}", member.key, shown(&member.value));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
        }
    }
}

/// Every document as `index=tree` or `index!line:column message`.
fn read(bytes: &[u8]) -> Vec<String> {
    documents(bytes)
        .map(|document| match document.content {
            Ok(node) => format!("{}={}", document.index, shown(&node)),
            Err(stop) => format!("{}!{}:{} {}", document.index, stop.at.line, stop.at.column, stop.message),
        })
        .collect()
}

#[test]
fn documents_are_cut_and_counted() {
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        ("# only a comment\n", &[]),
        ("a: 1\n", &["0={a:1}"]),
        ("---\na: 1\n---\n---\nb: 2\n", &["0={a:1}", "2={b:2}"]),
        ("# licence\n---\na: 1\n--- # next\r\nb: 2", &["0={a:1}", "1={b:2}"]),
        ("null\n---\n~\n---\na: 1\n", &["2={a:1}"]),
        ("\u{feff}a: 1\n", &["0={a:1}"]),
        (
            "a: 1\n---\n\u{feff}b: 1\n",
            &["0={a:1}", "1!3:1 a byte order mark stands here, and would become a part of the first key"],
        ),
        ("a: 1\n---\nb: [\n---\nc: 3\n", &["0={a:1}", "1!3:4 unclosed bracket '['", "2={c:3}"]),
        (
            "a: 1\n--- b\nc: 3\n---\nd: 4\n",
            &[
                "0={a:1}",
                "1!2:4 only a comment may stand on a line after `---`; kubectl does not read this either",
                "2={d:4}",
            ],
        ),
        (
            "a: 1\n...\nb: 2\n---\nc: 3\n",
            &["0={a:1}", "1!3:1 kubectl reads nothing between `...` and the next line `---`", "2={c:3}"],
        ),
        ("5\n---\n[1, x]\n", &["0=5", "1=[1,\"x\"]"]),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text.as_bytes()), *expected, "{text:?}");
    }
}

#[test]
fn merge_keys_are_merged_as_kubectl_does() {
    let cases = [
        ("x: &x {a: 1, b: 2}\nz:\n  <<: *x\n  b: 3\n", "{x:{a:1,b:2},z:{a:1,b:3}}"),
        ("x: &x {a: 1}\nz:\n  a: 2\n  <<: *x\n", "{x:{a:1},z:{a:1}}"),
        ("x: &x {a: 1}\nw: &w {a: 2, c: 3}\nz:\n  <<: [*x, *w]\n", "{x:{a:1},w:{a:2,c:3},z:{a:1,c:3}}"),
        ("x: &x {a: 1}\nz:\n  <<: *x\n  a: 2\n  a: 3\n", "{x:{a:1},z:{a:2,a:3}}"),
        ("z:\n  <<: {a: 1}\n  \"<<\": 2\n", "{z:{a:1,<<:2}}"),
        ("a: &a [1, {b: c}]\nd: *a\n&k e: 1\nf: *k\n", "{a:[1,{b:\"c\"}],d:[1,{b:\"c\"}],e:1,f:\"e\"}"),
        ("x: &x k\n*x : 5\non: 1\n0x10: 2\n1.50: 3\n", "{x:\"k\",k:5,true:1,16:2,1.5:3}"),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text.as_bytes()), [format!("0={expected}")], "{text}");
    }
}

#[test]
fn json_is_read_as_json_with_its_places() {
    let text = "{\"a\": [1,\n\t\"\\ud83d\\ude00\", {\"b\": \"x,\\\"]\"}],\n \"a\": 1e2}\n{\"c\": null} {\n}";
    assert_eq!(read(text.as_bytes()), ["0={a:[1,\"😀\",{b:\"x,\\\"]\"}],a:100.0}", "1={c:null}", "2={}"]);
    let first = documents(text.as_bytes()).next().unwrap().content.unwrap();
    let second_a = &first.members()[1];
    assert_eq!((second_a.key_at, second_a.value.at), (Mark { line: 3, column: 2 }, Mark { line: 3, column: 7 }));
    let b = &first.members()[0].value.items()[2].members()[0];
    assert_eq!((b.key_at, b.value.at), (Mark { line: 2, column: 19 }, Mark { line: 2, column: 24 }));

    assert_eq!(read(b"{a: b, c: on}\n"), ["0={a:\"b\",c:true}"]);
    assert_eq!(read(b"{\"a\": 1}\n---\n{\"b\": 2}\n"), ["0={a:1}", "1={b:2}"]);
    assert_eq!(read(b"{\"a\": 1}\n# a comment\n"), ["0={a:1}"]);
    assert_eq!(read(b"{\"a\": 1,}\n"), ["0={a:1}"], "no JSON, but YAML, which is what kubectl falls back on");
    assert_eq!(read(b"{\"a\":\n  [}\n"), ["0!2:4 expected value"]);
}

#[test]
fn places_are_those_of_the_source() {
    let text = "# one\n---\nspec:\n  model: &m x\n  list:\n  - a: *m\n  - \"b\"\n";
    let node = documents(text.as_bytes()).next().unwrap().content.unwrap();
    let at = |line, column| Mark { line, column };
    let spec = &node.members()[0];
    assert_eq!((spec.key_at, spec.value.at), (at(3, 1), at(4, 3)));
    assert_eq!(spec.value.get("model").unwrap().at, at(4, 13));
    let list = spec.value.get("list").unwrap();
    assert_eq!(list.items()[0].get("a").unwrap().at, at(6, 8));
    assert_eq!(list.items()[1].at, at(7, 5));
}

#[test]
fn what_nobody_can_read_is_an_error_with_a_place() {
    let mut latin = b"a: 1\nb: \"gr".to_vec();
    latin.extend(b"\xfc\xdfe\"\n---\nc: 3\n");
    assert_eq!(read(&latin), ["0!2:7 a byte that is no UTF-8", "1={c:3}"]);
    assert_eq!(read(b"\xff\xfea\0"), ["0!1:1 the text is UTF-16, not UTF-8"]);
    assert_eq!(read(b"a: *b\n").len(), 1);
    assert_eq!(read(b"a: &a [*a]\n"), ["0!1:8 an alias stands inside of what its own anchor names"]);
    assert_eq!(read(b"? [a]\n: b\n"), ["0!1:3 a list or a map cannot be a key"]);
    assert_eq!(read(b"~: b\n"), ["0!1:1 a key must be a text"]);
    assert_eq!(read(b"<<: 5\n"), ["0!1:5 only a map, or a list of maps, can be merged"]);
    for text in [
        "clientSecret: !!int hunter2\n",
        "{\"clientSecret\": \"hunter2\n",
        "clientSecret: \"hunter2\n",
        "a: *hunter2\n",
    ] {
        let read = read(text.as_bytes()).concat();
        assert!(read.starts_with("0!") && !read.contains("hunter2"), "{read}");
    }
}

#[test]
fn depth_has_a_limit_however_it_is_reached() {
    let too_deep = format!("lists and maps are nested more than {MAX_DEPTH} deep");
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(nested(MAX_DEPTH - 1).as_bytes())[0].starts_with("0=["));
    assert!(read(nested(MAX_DEPTH).as_bytes())[0].ends_with(&too_deep));
    let (flow, block, json) = (nested(10_000), "- ".repeat(10_000), "{\"a\":".repeat(10_000));
    for text in [&flow, &block, &json] {
        assert!(read(text.as_bytes())[0].starts_with("0!"), "{}", &read(text.as_bytes())[0]);
    }
    let through_aliases = format!("a: &a {0}x{1}\nb: {0}*a {1}\n", "[".repeat(70), "]".repeat(70));
    assert!(read(through_aliases.as_bytes())[0].ends_with(&too_deep));
}

#[test]
fn aliases_cannot_fill_the_memory() {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let items = vec![format!("*a{}", level - 1); 9].join(", ");
        laughs.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    assert!(read(laughs.as_bytes())[0].ends_with("aliases stand for too much"));
    let merged = "a: &a {b: 1, c: 2}\nd: &d {<<: [*a, *a, *a]}\n".to_owned() + &"e: {<<: *d}\n".repeat(100_000);
    assert!(read(merged.as_bytes())[0].ends_with("aliases stand for too much"));
    let texts = format!("a: &a \"{}\\n\"\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 100].join(", "));
    assert!(read(texts.as_bytes())[0].ends_with("aliases stand for too much"));
}

#[test]
fn great_files_are_read_in_no_time() {
    let start = std::time::Instant::now();
    let scalar = format!("a: {}\nb: \"{}\"\n", "x".repeat(1 << 20), "y".repeat(1 << 20));
    assert!(documents(scalar.as_bytes()).all(|document| document.content.is_ok()));
    let many = format!("a:\n{}", "- b\n".repeat(1_000_100));
    assert!(documents(many.as_bytes()).all(|document| document.content.is_err()));
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

#[test]
fn lines_are_those_of_an_editor_also_where_carriage_returns_stand_alone() {
    let text = "a:\r  b: 1\r\n  c: [\rx,\r\r y]\n---\nd: {\n";
    let documents: Vec<_> = documents(text.as_bytes()).collect();
    let node = documents[0].content.as_ref().unwrap();
    let at = |keys: &[&str]| node.find(keys).map(|node| (node.at.line, node.at.column));
    assert_eq!(at(&["a", "b"]), Some((1, 9)));
    assert_eq!(at(&["a", "c"]), Some((2, 6)));
    let items: Vec<_> =
        node.find(&["a", "c"]).unwrap().items().iter().map(|item| (item.at.line, item.at.column)).collect();
    assert_eq!(items, [(2, 8), (2, 13)]);
    let stop = documents[1].content.as_ref().unwrap_err();
    assert_eq!(stop.at.line, 4);
}

#[test]
fn the_column_of_a_fault_in_json_is_in_characters() {
    let stop = |text: &str| documents(text.as_bytes()).last().unwrap().content.unwrap_err();
    for (text, place) in [
        ("{\"a\": \"\u{1f600}\u{1f600}\", ]}", (1, 13)),
        ("# c\n---\n {\"a\": 1,\n\"\u{e4}\": \"\u{e4}\", ]}", (4, 11)),
        ("{\"\u{e4}\": 1}\n{\"\u{e4}\": 2} {\"\u{e4}\": 3} {\"\u{e4}\" 4}", (2, 24)),
    ] {
        let stop = stop(text);
        assert_eq!((stop.at.line, stop.at.column), place, "{text:?}: {}", stop.message);
    }
}

#[test]
fn a_number_is_the_same_in_json_and_in_yaml() {
    for number in
        ["99999949999999999999", "9.999994999999999e+19", "0.1", "2.2250738585072014e-308", "123456789.123456789"]
    {
        let (json, yaml) = (format!("{{\"a\": {number}}}"), format!("a: {number}\n"));
        assert_eq!(read(json.as_bytes()), read(yaml.as_bytes()), "{number}");
    }
}
