//! Tests that the page's types, which are made from this program's messages, are up to date.

use std::path::Path;

/// Fails unless `cli/page/NAME` holds these declarations. With `CANOPY_WRITE_TYPES` set, writes them.
pub fn matches_file(name: &str, declarations: &[String]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("page").join(name);
    let mut text =
        "// Made from the program's own types: CANOPY_WRITE_TYPES=1 cargo test -p canopy types\n".to_owned();
    for declaration in declarations {
        text += &format!("\nexport {declaration}\n");
    }
    if std::env::var_os("CANOPY_WRITE_TYPES").is_some() {
        std::fs::write(&path, &text).expect("the page's folder is there");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(there, text, "{name} is out of date: CANOPY_WRITE_TYPES=1 cargo test -p canopy types");
}
