//! The pool while the database goes away and comes back.

use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use palabre::model::Failure;
use palabre::store::Database;
use palabre::store::embedded::Embedded;

use crate::support::db::{TestDb, scratch_dir, throwaway};
use crate::support::wait::until_async;

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test]
async fn the_pool_recovers_after_the_database_was_stopped_and_started() {
    let data_dir = scratch_dir("pool");
    let start = {
        let data_dir = data_dir.clone();
        move || Embedded::start(&data_dir, &throwaway()).unwrap()
    };
    let embedded = blocking(start.clone()).await;
    let database = Database::connect(&embedded.url(), 4).unwrap();
    // Several connections, all of which the pool would like to hand out again.
    let lent = futures_util::future::join_all((0..4).map(|_| database.get())).await;
    assert!(lent.iter().all(Result::is_ok));
    drop(lent);

    blocking(move || embedded.stop()).await;
    assert_eq!(database.ping().await, Err(Failure::Unavailable));
    assert_eq!(database.ping().await, Err(Failure::Unavailable));

    let embedded = blocking(start).await;
    for _ in 0..5 {
        assert_eq!(database.ping().await, Ok(()));
    }
    blocking(move || embedded.stop()).await;
}

#[tokio::test]
async fn a_query_cut_off_by_the_database_is_worth_another_try() {
    let db = TestDb::new().await;
    let database = db.pool();
    let mut connection = database.get().await.unwrap();
    let suicide = diesel::sql_query("SELECT pg_terminate_backend(pg_backend_pid())").execute(&mut connection).await;
    assert_eq!(suicide.map_err(Failure::from), Err(Failure::Unavailable));
    drop(connection);
    assert_eq!(database.ping().await, Ok(()));
}

#[tokio::test]
async fn an_idle_connection_that_the_database_closed_is_not_handed_out_again() {
    let db = TestDb::new().await;
    let database = Database::connect(db.url(), 1).unwrap();
    assert_eq!(database.ping().await, Ok(()));
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    db.connection().await.batch_execute(others).await.unwrap();
    until_async("the pool to answer again", async || database.ping().await.ok()).await;
    assert_eq!(database.ping().await, Ok(()));
}

#[tokio::test]
async fn a_connection_left_in_the_middle_of_a_transaction_is_not_handed_out_again() {
    use diesel_async::AsyncConnection;

    let db = TestDb::new().await;
    let database = Database::connect(db.url(), 1).unwrap();
    let mut connection = database.get().await.unwrap();
    {
        let mut endless = Box::pin(connection.transaction::<(), diesel::result::Error, _>(async |connection| {
            connection.batch_execute("CREATE TABLE half_done ()").await?;
            std::future::pending().await
        }));
        // Its client went away while it waited for something else.
        let cut = tokio::time::timeout(std::time::Duration::from_millis(200), &mut endless).await;
        assert!(cut.is_err());
    }
    drop(connection);
    let mut connection = database.get().await.unwrap();
    assert!(connection.batch_execute("SELECT * FROM half_done").await.is_err());
}

#[tokio::test]
async fn connections_carry_their_limits_and_their_name() {
    #[derive(diesel::QueryableByName)]
    struct Setting {
        #[diesel(sql_type = diesel::sql_types::Text)]
        value: String,
    }
    let db = TestDb::new().await;
    let mut connection = db.pool().get().await.unwrap();
    for (name, expected) in [("application_name", "palabre"), ("statement_timeout", "30s"), ("lc_messages", "C")] {
        let query = format!("SELECT current_setting('{name}') AS value");
        let setting: Setting = diesel::sql_query(query).get_result(&mut connection).await.unwrap();
        assert_eq!(setting.value, expected, "{name}");
    }
}

#[test]
fn a_pool_may_be_dropped_on_an_event_loop() {
    actix_rt::System::new().block_on(async {
        let database = Database::connect("postgres://palabre@/palabre?host=/nonexistent", 1).unwrap();
        assert_eq!(database.ping().await, Err(Failure::Unavailable));
        drop(database);
    });
}
