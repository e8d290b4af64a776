//! The README's settings and commands are those of the command line, and links between documents lead somewhere.

use clap::{CommandFactory, Parser};
use palabre::config::command::Cli;
use std::path::Path;

const README: &str = include_str!("../../README.md");

#[test]
fn every_setting_is_in_the_table_with_its_default() {
    let command = Cli::command();
    let serve = command.find_subcommand("serve").unwrap();
    let mut settings = 0;
    for setting in serve.get_arguments().filter(|setting| setting.get_env().is_some()) {
        let (flag, variable) = (setting.get_long().unwrap(), setting.get_env().unwrap().to_str().unwrap());
        let row = README
            .lines()
            .find(|line| line.starts_with(&format!("| `--{flag}")) && line.contains(&format!("| `{variable}` |")))
            .unwrap_or_else(|| panic!("--{flag} ({variable}) has no row"));
        for default in setting.get_default_values().iter().filter_map(|default| default.to_str()) {
            // A switch that is off.
            let shown = default == "false" || row.contains(&format!("| `{default}` |"));
            assert!(shown, "--{flag} has the default {default}: {row}");
        }
        settings += 1;
    }
    let rows = README.lines().filter(|line| line.starts_with("| `--")).count();
    assert_eq!(rows, settings, "rows and settings");
}

#[test]
fn every_command_shown_is_understood() {
    let commands = README.lines().filter(|line| line.starts_with("palabre ") && !line.starts_with("palabre is ready"));
    let mut shown = 0;
    for command in commands {
        let words = command.split('#').next().unwrap_or_default().split_whitespace();
        Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{command}: {error}"));
        shown += 1;
    }
    assert!(shown > 5);
}

/// The name by which a heading is linked to.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn links_between_documents_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in
        ["README.md", "CHANGELOG.md", "docs/protocol.md", "docs/rest.md", "docs/operating.md", "docs/architecture.md"]
    {
        let document = root.join(name);
        let text = std::fs::read_to_string(&document).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
        for link in links.filter(|link| !link.starts_with("https://")) {
            let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { document.clone() } else { document.with_file_name(file) };
            assert!(target.exists(), "{name} links to {link}");
            if !fragment.is_empty() {
                let text = std::fs::read_to_string(&target).unwrap();
                let found = text.lines().any(|line| line.starts_with('#') && anchor(line) == fragment);
                assert!(found, "{name} links to {link}");
            }
        }
    }
}
