//! What is put into the program beside its code. Embedded migrations are read while compiling, so a new one has to lead to a new
//! build. The browser's application is embedded if it has been built: `make web` does that. Without it the program is complete but for
//! its page.

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
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let built = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join(BUILT);
    // The compiler reads these, so that the application may be built anew meanwhile.
    let taken = out.join("web");
    if taken.exists() {
        fs::remove_dir_all(&taken)?;
    }
    let mut names = Vec::new();
    if built.join("index.html").is_file() {
        println!("cargo:rerun-if-changed={BUILT}");
        take(&built, &taken, "", &mut names)?;
        names.sort();
    } else {
        // A path that is not there would be taken for a change each time; that it comes to be shows in the folder above.
        println!("cargo:rerun-if-changed=web/app");
    }
    let mut table = String::from("&[\n");
    for name in names.iter().filter(|name| !is_copy(name)) {
        let file = taken.join(name);
        let [br, gz] = COPIES.map(|ending| {
            let copy = taken.join(format!("{name}.{ending}"));
            if copy.is_file() { format!("Some(include_bytes!({copy:?}))") } else { String::from("None") }
        });
        // Writing to a string can't fail.
        let _ =
            writeln!(table, "    File {{ path: \"/{name}\", plain: include_bytes!({file:?}), br: {br}, gz: {gz} }},");
    }
    table.push(']');
    fs::write(out.join("web_files.rs"), table)
}

/// Copies a folder, and notes the names of all files in it with their folders.
fn take(from: &Path, to: &Path, folder: &str, names: &mut Vec<String>) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = format!("{folder}{}", entry.file_name().to_string_lossy());
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            take(&entry.path(), &to, &format!("{name}/"), names)?;
        } else {
            fs::copy(entry.path(), to)?;
            names.push(name);
        }
    }
    Ok(())
}

/// Whether a file is the compressed copy of another.
fn is_copy(name: &str) -> bool {
    COPIES.iter().any(|ending| name.rsplit_once('.').is_some_and(|(_, found)| found == *ending))
}
