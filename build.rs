//! What is put into the program beside its code. Embedded migrations are read while compiling, so a new one has to lead to a new
//! build. The browser's application is embedded if it has been built: `make web` does that. Without it the program is complete but for its page.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Where the application is built to.
const BUILT: &str = "web/app/dist";
/// Endings of the compressed copies that lie beside a file.
const COPIES: [&str; 2] = ["br", "gz"];

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed=build.rs");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join(BUILT);
    let mut files = Vec::new();
    if root.join("index.html").is_file() {
        println!("cargo:rerun-if-changed={BUILT}");
        list(&root, &mut files)?;
        files.sort();
    } else {
        // A path that is not there would be taken for a change each time; that it comes to be shows in the folder above.
        println!("cargo:rerun-if-changed=web/app");
    }
    let mut table = String::from("&[\n");
    for file in files.iter().filter(|file| !is_copy(file)) {
        let name = file.strip_prefix(&root).unwrap_or(file).to_string_lossy().replace('\\', "/");
        let copies = COPIES.map(|ending| match copy(file, ending) {
            Some(copy) => format!("Some(include_bytes!({copy:?}))"),
            None => String::from("None"),
        });
        let [br, gz] = copies;
        // Writing to a string can't fail.
        let _ =
            writeln!(table, "    File {{ path: \"/{name}\", plain: include_bytes!({file:?}), br: {br}, gz: {gz} }},");
    }
    table.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("web_files.rs");
    fs::write(out, table)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { list(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

fn copy(file: &Path, ending: &str) -> Option<PathBuf> {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    Some(PathBuf::from(name)).filter(|copy| copy.is_file())
}

/// Whether a file is the compressed copy of another.
fn is_copy(file: &Path) -> bool {
    COPIES.iter().any(|ending| file.extension().is_some_and(|found| found == *ending))
}
