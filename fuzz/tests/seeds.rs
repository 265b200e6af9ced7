//! Every seed through its target, as an ordinary test.

use std::path::Path;

fn run(target: &str, function: fn(&[u8]), fewest: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let mut count = 0;
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let data = std::fs::read(&path).unwrap();
        let outcome = std::panic::catch_unwind(|| function(&data));
        assert!(outcome.is_ok(), "{} breaks a promise", path.display());
        count += 1;
    }
    assert!(count >= fewest, "only {count} seeds for {target}");
}

#[test]
fn reviews_are_answered() {
    run("review", beamlit_operator_fuzz::review, 20);
}

#[test]
fn files_are_read_and_checked() {
    run("yaml", beamlit_operator_fuzz::yaml, 20);
}

#[test]
fn objects_get_their_defaults() {
    run("defaults", beamlit_operator_fuzz::defaults, 20);
}

#[test]
fn objects_are_judged() {
    run("judgement", beamlit_operator_fuzz::judgement, 20);
}
