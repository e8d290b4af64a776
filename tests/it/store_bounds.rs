//! What a project has at most: those who add at once don't pass it together.

use crate::support::db::TestDb;
use crate::support::project::Project;
use chrono::Utc;
use diesel::sql_types::{Integer, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::join_all;
use palabre::model::{ChatbotId, Failure, OrganizationId, ProjectId};
use palabre::store::chatbots::{self, Changes};
use palabre::store::support::canned::{self, CANNED};
use palabre::store::{accounts, projects};
use std::sync::Arc;

/// Who adds at once.
const CROWD: usize = 8;

/// Each with a name and a connection of their own.
async fn crowd(project: &Project) -> Vec<(String, AsyncPgConnection)> {
    let one = |number| async move { (format!("number {number}"), project.conn().await) };
    join_all((0..CROWD).map(one)).await
}

/// Eight add where there is room for one: one did, the others were refused for that.
fn one_of<T>(results: &[Result<T, Failure>]) {
    assert_eq!(results.len(), CROWD);
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(results.iter().filter(|result| matches!(result, Err(Failure::Conflict(_)))).count(), CROWD - 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apps_chatbots_and_canned_answers_are_counted_one_at_a_time() {
    let db = Arc::new(TestDb::new().await);
    let project = Project::create(&db, "p", &[]).await;
    const MOST: i64 = 3;
    for name in ["one", "two"] {
        let conn = &mut project.conn().await;
        projects::create_app(conn, project.id, name, (name, "secret"), MOST).await.unwrap();
        let changes = Changes { name: Some(name.to_owned()), ..Changes::default() };
        chatbots::create(conn, project.id, ChatbotId::random(), &changes, MOST).await.unwrap();
    }
    let mut crowd = crowd(&project).await;
    let apps = crowd.iter_mut().map(async |(name, conn)| {
        let key = format!("key of {name}");
        projects::create_app(conn, project.id, name, (&key, "secret"), MOST).await
    });
    one_of(&join_all(apps).await);
    let bots = crowd.iter_mut().map(async |(name, conn)| {
        let changes = Changes { name: Some(name.clone()), ..Changes::default() };
        chatbots::create(conn, project.id, ChatbotId::random(), &changes, MOST).await
    });
    one_of(&join_all(bots).await);

    let fill = "INSERT INTO support_canned SELECT gen_random_uuid(), $1, 'filler ' || n, 'x', now(), now() \
                FROM generate_series(1, $2) n";
    let fill = diesel::sql_query(fill).bind::<SqlUuid, _>(project.id);
    let count = i32::try_from(CANNED).unwrap() - 1;
    fill.bind::<Integer, _>(count).execute(&mut project.conn().await).await.unwrap();
    let answers =
        crowd.iter_mut().map(async |(name, conn)| canned::add(conn, project.id, (name, "Hello!"), Utc::now()).await);
    one_of(&join_all(answers).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_are_projects_of_an_organization() {
    let db = Arc::new(TestDb::new().await);
    let project = Project::create(&db, "p", &[]).await;
    let owner = OrganizationId::random();
    accounts::create_organization(&mut project.conn().await, owner, "many", "-").await.unwrap();
    let mut crowd = crowd(&project).await;
    let made = crowd
        .iter_mut()
        .map(async |(name, conn)| projects::create(conn, owner, ProjectId::random(), (name, &[], true), 1).await);
    one_of(&join_all(made).await);
}
