//! The README's table of settings is that of the command line.

use clap::{CommandFactory, Parser};
use palabre::config::command::Cli;

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
