//! Embedded migrations are read while compiling, so a new one has to lead to a new build.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
