use super::command::{Cli, Command, unknown_variables};
use super::*;
use clap::{CommandFactory, Parser};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn parse(flags: &[&str]) -> Result<Settings, clap::Error> {
    match Cli::try_parse_from(["palabre", "serve"].iter().chain(flags))?.command {
        Command::Serve(settings) => Ok(*settings),
        other => panic!("not serve: {other:?}"),
    }
}

fn problem(flags: &[&str]) -> String {
    match parse(flags) {
        Ok(settings) => settings.validate().unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn defaults_are_the_same_with_and_without_the_command_line() {
    assert_eq!(parse(&[]).unwrap(), Settings::default());
    assert_eq!(parse(&[]).unwrap().limits, Limits::DEFAULT);
}

#[test]
fn every_setting_is_a_flag_and_a_variable() {
    let mut command = Cli::command();
    command.build();
    for name in ["serve", "migrate", "token", "check-config"] {
        let inner = command.find_subcommand(name).unwrap();
        for arg in inner.get_arguments().filter(|arg| !["help", "users"].contains(&arg.get_id().as_str())) {
            assert!(arg.get_long().is_some() && arg.get_env().is_some(), "{name}: {arg}");
            assert!(arg.get_help().is_some(), "{name}: {arg}");
        }
    }
}

#[test]
fn a_secret_is_needed_unless_for_the_demo() {
    assert!(problem(&[]).contains("PALABRE_JWT_SECRET"));
    assert!(problem(&["--jwt-secret", ""]).contains("this one has 0"));
    assert!(problem(&["--jwt-secret", &SECRET[1..]]).contains("this one has 31"));
    assert!(problem(&["--demo", "--jwt-secret", "short"]).contains("PALABRE_JWT_SECRET"));
    assert_eq!(parse(&["--jwt-secret", SECRET]).unwrap().validate(), Ok(()));
    assert_eq!(parse(&["--demo"]).unwrap().validate(), Ok(()));
}

#[test]
fn origins_are_as_browsers_send_them() {
    let good = parse(&[
        "--demo",
        "--cors-origin",
        "https://a.example,http://localhost:3000",
        "--cors-origin",
        "https://b.example",
    ]);
    let good = good.unwrap();
    assert_eq!(good.rest.cors_origins, ["https://a.example", "http://localhost:3000", "https://b.example"]);
    assert_eq!(good.validate(), Ok(()));
    for bad in ["*", "https://a.example/", "a.example"] {
        assert!(problem(&["--demo", "--cors-origin", bad]).contains("PALABRE_CORS_ORIGINS"), "{bad}");
    }
}

#[test]
fn commands_beside_a_demo_find_its_secret() {
    let dir = tempfile::tempdir().unwrap();
    let demo = parse(&["--demo", "--data-dir", dir.path().to_str().unwrap()]).unwrap();
    assert!(Auth::default().server_secret(dir.path()).is_err());
    let made = demo.signing_secret().unwrap();
    assert_eq!(Auth::default().server_secret(dir.path()), Ok(made));
    let set = parse(&["--jwt-secret", SECRET]).unwrap();
    assert_eq!(set.auth.server_secret(dir.path()).unwrap().expose(), SECRET);
    assert_eq!(set.signing_secret().unwrap().expose(), SECRET);
}

#[test]
fn what_makes_no_sense_is_named() {
    for (flags, named) in [
        (&["--listen", "localhost"][..], "--listen"),
        (&["--tcp", "70000"], "--tcp"),
        (&["--pool-size", "0"], "--pool-size"),
        (&["--token-hours", "0"], "--token-hours"),
        (&["--ping-after", "30"], "--ping-after"),
        (&["--demo", "--ping-after", "0s"], "PALABRE_PING_AFTER"),
        (&["--demo", "--tcp", "127.0.0.1:8080"], "PALABRE_TCP"),
        (&["--demo", "--admin", "127.0.0.1:7070"], "PALABRE_ADMIN"),
        (&["--demo", "--admin", "0.0.0.0:9090"], "PALABRE_ADMIN_TOKEN"),
        (&["--demo", "--admin-token", "short"], "PALABRE_ADMIN_TOKEN"),
        (&["--demo", "--tls-cert", "a.pem"], "PALABRE_TLS_KEY"),
        (&["--demo", "--tls-key", "a.pem"], "PALABRE_TLS_CERT"),
        (&["--demo", "--database-url", "mysql://secret@db"], "DATABASE_URL"),
        (&["--demo", "--frame-bytes", "1"], "PALABRE_FRAME_BYTES"),
        (&["--demo", "--media-bytes", "0"], "PALABRE_MEDIA_BYTES"),
        (&["--demo", "--media-types", "image/png,png"], "PALABRE_MEDIA_TYPES"),
        (&["--demo", "--media-sweep", "0s"], "PALABRE_MEDIA_SWEEP"),
        (&["--demo", "--s3-endpoint", "s3.example.org"], "PALABRE_S3_ENDPOINT"),
        (&["--demo", "--s3-bucket", "b", "--s3-secret", "s"], "PALABRE_S3_KEY_ID"),
        (&["--demo", "--s3-bucket", "b", "--s3-key-id", "k"], "PALABRE_S3_SECRET"),
        (&["--demo", "--s3-bucket", "b", "--media-dir", "d"], "PALABRE_MEDIA_DIR"),
        (&["--demo", "--outstanding-bytes", "300000"], "PALABRE_OUTSTANDING_BYTES"),
        (&["--demo", "--connections", "10"], "PALABRE_UNAUTHENTICATED_CONNECTIONS"),
    ] {
        let problem = problem(flags);
        assert!(problem.contains(named), "{flags:?}: {problem}");
        assert!(!problem.contains("secret@db"), "{problem}");
    }
}

#[test]
fn listeners_may_be_off_or_share_port_0() {
    let settings = parse(&["--demo", "--listen", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--admin", "none"]).unwrap();
    assert_eq!(settings.validate(), Ok(()));
    assert_eq!(settings.listen.admin.address(), None);
}

#[test]
fn secrets_are_in_no_debug_output() {
    let url = "postgres://palabre:hush@db/palabre";
    let flags = ["--jwt-secret", SECRET, "--admin-token", SECRET, "--database-url", url, "--s3-secret", SECRET];
    let shown = format!("{:?}", parse(&flags).unwrap());
    assert!(!shown.contains(SECRET) && !shown.contains("hush"), "{shown}");
}

#[test]
fn misspelt_variables_are_found() {
    let names = ["PALABRE_LISTEN", "PALABRE_LISTN", "PATH", "PALABRE_JWT_SECRET", "PALABRE_PASSWORD"];
    let unknown = unknown_variables(names.map(str::to_owned));
    assert_eq!(unknown.into_iter().collect::<Vec<_>>(), ["PALABRE_LISTN"]);
}
