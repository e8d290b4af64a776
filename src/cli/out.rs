//! Results, on standard output; everything else goes to standard error.

use super::CliError;
use std::fmt::Display;
use std::io::{self, Write};

/// Prints one line.
///
/// # Errors
/// When nobody reads it any more.
pub fn line(result: impl Display) -> Result<(), CliError> {
    writeln!(io::stdout().lock(), "{result}").map_err(broken)
}

/// Prints many lines, with few writes.
///
/// # Errors
/// When nobody reads them any more.
pub fn lines(results: impl IntoIterator<Item = impl Display>) -> Result<(), CliError> {
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    for result in results {
        writeln!(stdout, "{result}").map_err(broken)?;
    }
    stdout.flush().map_err(broken)
}

fn broken(source: io::Error) -> CliError {
    CliError::File { what: "standard output".to_owned(), source }
}
