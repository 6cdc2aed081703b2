//! Documents that are written from the code are in step with it.

use std::path::Path;

#[test]
fn generated_documents_are_in_step() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    for generated in xtask::generate::all() {
        let in_step = generated.is_in_step(root).expect("the file is there");
        assert!(in_step, "{} is out of step: run `cargo xtask generate`", generated.path);
    }
}
