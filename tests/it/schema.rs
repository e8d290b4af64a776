//! The schema itself: migrations lead there and back, whoever runs them; indexes follow foreign keys; Diesel's view is true.

use std::collections::BTreeMap;
use std::path::Path;

use diesel::QueryableByName;
use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{Connection, RunQueryDsl};
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_migrations::MigrationHarness;
use palabre::store::migrate;

use crate::support::db::TestDb;

type SyncConnection = AsyncConnectionWrapper<AsyncPgConnection>;

/// Columns, constraints and indexes, a line each, as the database's own functions describe them.
const CATALOG: &str = "
    SELECT line FROM (
        SELECT format('column %s.%s %s %s null=%s default=%s identity=%s', c.relname, a.attname, a.attnum,
            format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attidentity) AS line
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT format('constraint %s.%s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL
        SELECT format('index %s', indexdef) FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL
        SELECT format('%s %s', relkind, relname) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind NOT IN ('r', 'i')
        UNION ALL
        SELECT format('function %s', oid::regprocedure) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL
        SELECT format('type %s', typname) FROM pg_type
        WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')
        UNION ALL
        SELECT format('trigger %s', pg_get_triggerdef(oid)) FROM pg_trigger WHERE NOT tgisinternal
    ) AS catalog
    WHERE line NOT LIKE '%__diesel_schema_migrations%'
    ORDER BY line COLLATE \"C\"";

/// Foreign keys of which no index has the columns, in any order, as its first ones. The index must be complete, or leave out
/// only the rows in which the one column refers to nothing.
const UNINDEXED: &str = "
    SELECT format('%s: %s', k.conrelid::regclass, pg_get_constraintdef(k.oid)) AS line
    FROM pg_constraint k
    WHERE k.contype = 'f' AND NOT EXISTS (
        SELECT FROM pg_index i
        WHERE i.indrelid = k.conrelid AND i.indisvalid
            AND (i.indpred IS NULL OR (cardinality(k.conkey) = 1 AND pg_get_expr(i.indpred, i.indrelid) = (
                SELECT format('(%I IS NOT NULL)', attname) FROM pg_attribute
                WHERE attrelid = k.conrelid AND attnum = k.conkey[1])))
            AND (SELECT array_agg(c ORDER BY c) FROM unnest((i.indkey::int2[])[0:cardinality(k.conkey) - 1]) AS c)
                = (SELECT array_agg(c ORDER BY c) FROM unnest(k.conkey) AS c))";

/// Diesel's view of each table, as the database would have it: `table (keys)`, then `column -> Type` in order.
const TABLES: &str = "
    SELECT c.relname || ' (' || (
            SELECT string_agg(a.attname, ', ' ORDER BY k.position)
            FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (number, position), pg_attribute a
            WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.number
        ) || E')\\n' || string_agg(a.attname || ' -> ' || CASE WHEN a.attnotnull THEN type ELSE 'Nullable<' || type || '>' END,
            E'\\n' ORDER BY a.attnum) AS line
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    CROSS JOIN LATERAL (SELECT CASE
        WHEN t.typelem <> 0 AND t.typcategory = 'A' THEN 'Array<Nullable<' || initcap(substr(t.typname, 2)) || '>>'
        ELSE initcap(t.typname) END) AS named (type)
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> '__diesel_schema_migrations'
    GROUP BY c.oid, c.relname";

/// Foreign keys of one column, as `table -> other (column)`.
const REFERENCES: &str = "
    SELECT format('%s -> %s (%s)', k.conrelid::regclass, k.confrelid::regclass, a.attname) AS line
    FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
    WHERE k.contype = 'f' AND cardinality(k.conkey) = 1";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Runs synchronous work on a database: Diesel's migrations know no other.
async fn on<T: Send + 'static>(db: &TestDb, work: impl FnOnce(&mut SyncConnection) -> T + Send + 'static) -> T {
    let url = db.url().to_owned();
    let work = move || work(&mut SyncConnection::establish(&url).unwrap());
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn lines(connection: &mut SyncConnection, query: &str) -> Vec<String> {
    let rows: Vec<Row> = diesel::sql_query(query).load(connection).unwrap();
    rows.into_iter().map(|row| row.line).collect()
}

#[tokio::test]
async fn up_down_up_leaves_the_same_schema() {
    let db = TestDb::empty().await;
    on(&db, |connection| {
        let empty = lines(connection, CATALOG);
        assert_eq!(empty, [""; 0]);
        connection.run_pending_migrations(migrate::MIGRATIONS).unwrap();
        let once = lines(connection, CATALOG);
        assert!(once.len() > 100, "the catalog is read: {once:?}");

        connection.revert_all_migrations(migrate::MIGRATIONS).unwrap();
        assert_eq!(lines(connection, CATALOG), empty);

        connection.run_pending_migrations(migrate::MIGRATIONS).unwrap();
        assert_eq!(lines(connection, CATALOG), once);
    })
    .await;
}

#[tokio::test]
async fn every_foreign_key_has_an_index() {
    let db = TestDb::new().await;
    on(&db, |connection| {
        assert_eq!(lines(connection, UNINDEXED), [""; 0]);
        // And one without would be seen.
        connection.batch_execute("CREATE TABLE stray (user_id uuid REFERENCES users)").unwrap();
        assert_eq!(lines(connection, UNINDEXED).len(), 1);
    })
    .await;
}

#[tokio::test]
async fn schema_rs_is_the_databases() {
    let db = TestDb::new().await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/schema.rs");
    let file = std::fs::read_to_string(path).unwrap();
    on(&db, move |connection| {
        let by_name = |texts: Vec<String>| -> BTreeMap<String, String> {
            texts.into_iter().map(|text| (text.split(' ').next().unwrap().to_owned(), text)).collect()
        };
        assert_eq!(by_name(tables(&file)), by_name(lines(connection, TABLES)));

        let references = lines(connection, REFERENCES);
        for joinable in calls(&file, "diesel::joinable!(") {
            assert!(references.contains(&joinable), "joinable!({joinable}) is no foreign key: {references:?}");
        }
    })
    .await;
}

/// The tables of the file, in the form of [`TABLES`].
fn tables(file: &str) -> Vec<String> {
    let blocks = file.split("diesel::table! {").skip(1).map(|block| block.split("\n}").next().unwrap());
    let table = |block: &str| -> String {
        let lines =
            block.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//") && *line != "}");
        lines.map(|line| line.trim_end_matches(" {").trim_end_matches(',')).collect::<Vec<_>>().join("\n")
    };
    blocks.map(table).collect()
}

/// What stands between the brackets of a macro that is used on one line.
fn calls(file: &str, start: &str) -> Vec<String> {
    file.lines().filter_map(|line| Some(line.strip_prefix(start)?.strip_suffix(");")?.to_owned())).collect()
}

#[tokio::test]
async fn migrations_may_be_run_by_many_at_once() {
    let db = TestDb::empty().await;
    let runs = futures_util::future::join_all((0..4).map(|_| migrate::run(db.url()))).await;
    let mut done: Vec<usize> = runs.into_iter().map(|run| run.unwrap().len()).collect();
    done.sort_unstable();
    assert!(done[3] > 0);
    assert_eq!(done[..3], [0, 0, 0], "one did the work");
}

#[tokio::test]
async fn a_newer_database_is_refused_and_not_changed() {
    let db = TestDb::new().await;
    on(&db, |connection| {
        connection.batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')").unwrap();
    })
    .await;
    let error = migrate::run(db.url()).await.unwrap_err();
    assert!(matches!(&error, migrate::Error::Newer { versions } if versions == &["29990101000000"]), "{error}");
    assert!(error.to_string().contains("newer than this program"));
}
