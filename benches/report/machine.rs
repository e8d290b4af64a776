//! What the figures were measured on and with.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crates whose version says something about the figures.
const CRATES: [&str; 12] = [
    "actix",
    "actix-http",
    "tokio",
    "kameo",
    "ractor",
    "serde_json",
    "rmp-serde",
    "diesel",
    "diesel-async",
    "tokio-postgres",
    "tokio-tungstenite",
    "criterion",
];

/// The section about the machine and the versions.
pub fn section() -> String {
    let cores = std::thread::available_parallelism().map_or_else(|_| "?".to_owned(), |cores| cores.to_string());
    let memory = field("/proc/meminfo", "MemTotal").and_then(|text| {
        let kib: f64 = text.split_whitespace().next()?.parse().ok()?;
        Some(format!("{:.0} GiB", kib / f64::from(1 << 20)))
    });
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok().map(|text| text.trim().to_owned());
    let or_unknown = |text: Option<String>| text.unwrap_or_else(|| "unknown".to_owned());
    let mut text = String::from("\n## The machine\n\n");
    let _ = writeln!(text, "- CPU: {}, {cores} cores", or_unknown(field("/proc/cpuinfo", "model name")));
    let _ = writeln!(text, "- Memory: {}", or_unknown(memory));
    let _ = writeln!(text, "- Kernel: Linux {}", or_unknown(kernel));
    let _ = writeln!(text, "- Palabre {}, {}", env!("CARGO_PKG_VERSION"), or_unknown(said(Path::new("rustc"))));
    let _ = writeln!(text, "- {}, durable, with its settings as they come", or_unknown(postgres()));
    let versions: Vec<String> = CRATES.iter().filter_map(|name| version(name)).collect();
    let _ = writeln!(text, "- Crates: {}", versions.join(", "));
    text.push_str("\nClients, server and PostgreSQL share these cores.\n");
    text
}

/// The value in the first line of that name in one of the kernel's files.
fn field(file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// What a program says its version is, without where it was built.
fn said(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.split(" (").next()?.trim().to_owned())
}

/// The version of the PostgreSQL that the benchmarks start: found as the server finds it.
fn postgres() -> Option<String> {
    let named = std::env::var_os("PALABRE_POSTGRES_BIN").map(PathBuf::from);
    let set_up = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/postgresql/bin");
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<(u32, PathBuf)> = debian
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    debian.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    let directories = named.into_iter().chain([set_up]).chain(debian.into_iter().map(|(_, path)| path));
    let programs = directories.map(|directory| directory.join("postgres")).chain([PathBuf::from("postgres")]);
    let line = programs.into_iter().find_map(|program| version_line(&program))?;
    Some(format!("PostgreSQL {line}"))
}

/// The number in `postgres (PostgreSQL) 15.9 (Debian …)`.
fn version_line(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.split_once("(PostgreSQL) ")?.1.split_whitespace().next()?.to_owned())
}

/// A crate as `Cargo.lock` has it.
fn version(name: &str) -> Option<String> {
    let lock = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).ok()?;
    let after = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?.1;
    Some(format!("{name} {}", after.split_once('"')?.0))
}
