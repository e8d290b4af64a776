//! The real program's commands beside `serve`.

use crate::support::db::{TestDb, scratch_dir};
use crate::support::http::SECRET;
use chrono::Utc;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::model::UserId;
use palabre::store::accounts;
use palabre::store::schema::{apps, users};
use palabre::wire::token::Tokens;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use uuid::Uuid;

/// A command of the program on a database, with nothing of our own environment's settings.
fn palabre(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palabre"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PALABRE_") || name == "RUST_LOG") {
        command.env_remove(name);
    }
    command.args(arguments).env("DATABASE_URL", url).stdin(Stdio::null());
    command
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// What a command that succeeds prints.
async fn printed(db: &TestDb, arguments: &[&str]) -> String {
    let output = run(palabre(db.url(), arguments)).await;
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// What a command that fails complains of.
async fn complaint(db: &TestDb, arguments: &[&str]) -> String {
    let output = run(palabre(db.url(), arguments)).await;
    assert!(!output.status.success(), "{arguments:?}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// An organization `acme` with a project `default`.
async fn with_project(db: &TestDb) {
    printed(db, &["organization", "create", "acme", "--password", "secret12"]).await;
    printed(db, &["project", "create", "default", "--organization", "acme", "--origin", "https://acme.example"]).await;
}

fn write_csv(content: impl AsRef<[u8]>) -> String {
    let file = scratch_dir("import").join("users.csv");
    std::fs::write(&file, content).unwrap();
    file.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_made_from_an_empty_database_on() {
    let db = TestDb::empty().await;
    let organization = printed(&db, &["organization", "create", "acme", "--password", "secret12"]).await;
    assert!(Uuid::try_parse(&organization).is_ok(), "{organization}");
    let origins = ["--origin", "https://acme.example", "--origin", "http://localhost:3000"];
    let create = ["project", "create", "shop", "--organization", &organization];
    let project = printed(&db, &[&create[..], &origins].concat()).await;

    let user = ["user", "create", "zoë", "--project", "shop", "--role", "agent", "--name", "Zoë D."];
    let id = printed(&db, &[&user[..], &["--password", "secret12"]].concat()).await;
    let key = printed(&db, &["app", "create", "game server", "--project", &project]).await;
    assert!(key.len() >= 43, "{key}");

    let mut conn = db.connection().await;
    let row = accounts::project_by(&mut conn, "shop").await.unwrap().unwrap();
    assert_eq!(row.id.to_string(), project);
    assert_eq!(row.origins, ["https://acme.example", "http://localhost:3000"]);
    let (role, hash): (String, Option<String>) = users::table
        .filter(users::id.eq(id.parse::<UserId>().unwrap()))
        .select((users::role, users::password_hash))
        .first(&mut conn)
        .await
        .unwrap();
    assert_eq!(role, "agent");
    assert!(palabre::model::password::verify("secret12", hash.as_deref()));
    let kept: Vec<u8> = apps::table.select(apps::key_hash).first(&mut conn).await.unwrap();
    assert_eq!(kept, accounts::key_hash(&key));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_comes_from_standard_input_when_it_is_not_given() {
    let db = TestDb::new().await;
    with_project(&db).await;
    let mut child =
        palabre(db.url(), &["user", "create", "dora"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"secret12\nmore\n").unwrap();
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert!(status.success());
    let mut conn = db.connection().await;
    let hash: Option<String> = users::table.select(users::password_hash).first(&mut conn).await.unwrap();
    assert!(palabre::model::password::verify("secret12", hash.as_deref()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_by_name() {
    let db = TestDb::new().await;
    with_project(&db).await;
    let uuid = "550e8400-e29b-41d4-a716-446655440000";
    for (arguments, named) in [
        (&["organization", "create", "acme", "--password", "secret12"][..], "taken"),
        (&["organization", "create", "other", "--password", "short"], "password"),
        (&["project", "create", "default", "--organization", "acme"], "taken"),
        (&["project", "create", "other", "--organization", "nobody"], "nobody"),
        (&["project", "create", "a/b", "--organization", "acme"], "name"),
        (&["project", "create", "other", "--organization", "acme", "--origin", "acme"], "origin"),
        (&["user", "create", uuid, "--password", "secret12"], "username"),
        (&["user", "create", "dora", "--password", "secret12", "--project", "none"], "none"),
        (&["user", "create", "dora", "--password", "secret12", "--role", "king"], "--role"),
        (&["token", "--user", "dora"], "PALABRE_JWT_SECRET"),
        (&["token", "--jwt-secret", SECRET, "--user", "nobody"], "nobody"),
        (&["check-config"], "PALABRE_JWT_SECRET"),
        (&["check-config", "--demo", "--tls-cert", "a.pem"], "PALABRE_TLS_KEY"),
        (&["serve", "--listen", "nowhere"], "--listen"),
    ] {
        let data_dir = scratch_dir("empty");
        let mut command = palabre(db.url(), arguments);
        let output = run({
            command.env("PALABRE_DATA_DIR", data_dir);
            command
        })
        .await;
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && complaint.contains(named), "{arguments:?}: {complaint}");
        assert!(!complaint.contains("secret12") && !complaint.contains(SECRET), "{arguments:?}: {complaint}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_checked_without_opening_anything() {
    let nowhere = "postgres://nowhere.invalid/palabre";
    let mut command = palabre(nowhere, &["check-config", "--jwt-secret", SECRET]);
    command.env("PALABRE_LISTN", "127.0.0.1:80");
    let output = run(command).await;
    assert!(output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("PALABRE_LISTN"));
    let output = run(palabre(nowhere, &["check-config"])).await;
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_come_one_a_line_in_the_order_of_the_users() {
    let db = TestDb::new().await;
    with_project(&db).await;
    let file = write_csv("username,password\nann,secret12\nben,secret12\n");
    printed(&db, &["user", "import", &file]).await;
    let arguments = ["token", "--project", "default", "--user", "ben", "--user", "ann", "--user", "ben"];
    let printed = printed(&db, &[&arguments[..], &["--jwt-secret", SECRET]].concat()).await;
    let tokens = Tokens::new(SECRET.as_bytes());
    let names = printed.lines().map(|token| tokens.verify_user(token, Utc::now()).unwrap().bearer.username);
    assert_eq!(names.collect::<Vec<_>>(), ["ben", "ann", "ben"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_makes_thousands_of_users() {
    let db = TestDb::new().await;
    with_project(&db).await;
    let hash = palabre::model::password::hash("secret12", [3; 16]).unwrap();
    let mut csv = "role,username,name,password_hash,password\n".to_owned();
    for number in 0..3000 {
        csv.push_str(&format!(",user{number},\"User, {number}\",{hash},\n"));
    }
    csv.push_str("agent,last,,,secret34\n");
    let file = write_csv(&csv);
    assert_eq!(printed(&db, &["user", "import", &file, "--project", "default"]).await, "3001");

    let mut conn = db.connection().await;
    type Columns = (String, String, Option<String>, Option<String>);
    let columns = (users::username, users::role, users::name, users::password_hash);
    let rows: Vec<Columns> = users::table.select(columns).load(&mut conn).await.unwrap();
    assert_eq!(rows.len(), 3001);
    let last = rows.iter().find(|row| row.0 == "last").unwrap();
    assert_eq!((last.1.as_str(), &last.2), ("agent", &None));
    assert!(palabre::model::password::verify("secret34", last.3.as_deref()));
    let first = rows.iter().find(|row| row.0 == "user0").unwrap();
    assert_eq!((first.1.as_str(), first.2.as_deref(), first.3.as_deref()), ("user", Some("User, 0"), Some(&*hash)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_all_or_nothing_and_names_the_lines() {
    let db = TestDb::new().await;
    with_project(&db).await;
    let csv =
        "username,password,role\nann,secret12,\nann,secret12,\nben,short,\n,secret12,\ncid,secret12,king\ndan\neve,,\n";
    let complaint_of = async |file: &str| complaint(&db, &["user", "import", file]).await;
    let problems = complaint_of(&write_csv(csv)).await;
    for line in
        ["line 3: username", "line 4: password", "line 5: username", "line 6: role", "line 7:", "line 8: password"]
    {
        assert!(problems.contains(line), "{line}: {problems}");
    }
    assert!(!problems.contains("line 2:") && !problems.contains("short"), "{problems}");

    let problems = complaint_of(&write_csv(b"username,password\nann,secret12\n\xff\xfe,secret12\n")).await;
    assert!(problems.contains("line 3: is not UTF-8"), "{problems}");
    let problems = complaint_of(&write_csv("username,pasword\nann,secret12\n")).await;
    assert!(problems.contains("pasword"), "{problems}");

    printed(&db, &["user", "create", "zoe", "--password", "secret12"]).await;
    let problems = complaint_of(&write_csv("username,password\nann,secret12\nzoe,secret12\n")).await;
    assert!(problems.contains("line 3: username") && problems.contains("zoe"), "{problems}");
    let mut conn = db.connection().await;
    assert_eq!(users::table.count().get_result::<i64>(&mut conn).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_work_on_the_servers_own_postgresql_when_it_does_not_run() {
    let data_dir = scratch_dir("own");
    for arguments in [
        &["organization", "create", "acme", "--password", "secret12"][..],
        &["project", "create", "default", "--organization", "acme"],
        &["user", "create", "ann", "--password", "secret12"],
        &["token", "--user", "ann", "--jwt-secret", SECRET],
        &["migrate"],
    ] {
        let mut command = palabre("", arguments);
        command.env_remove("DATABASE_URL").arg("--data-dir").arg(&data_dir);
        let output = run(command).await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
