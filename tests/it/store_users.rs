//! Users in the database: found by either name, walled off by project, closed and locked out.

use crate::store_messages::world::{World, at};
use palabre::model::account::UserRole;
use palabre::model::{Failure, ProjectId, UserId};
use palabre::store::users::{self, NewUser};

fn new_user(project: ProjectId, username: &'static str) -> NewUser<'static> {
    NewUser {
        id: UserId::random(),
        project_id: project,
        username,
        password_hash: Some("hash"),
        role: UserRole::Agent,
        name: Some("Ann"),
        avatar: None,
        profile: None,
    }
}

#[tokio::test]
async fn a_user_reads_back_as_made() {
    let mut world = World::new().await;
    let new = new_user(world.project, "ann");
    let made = users::create(&mut world.conn, &new).await.unwrap();
    assert_eq!(users::find(&mut world.conn, world.project, new.id).await.unwrap(), Some(made.clone()));
    assert_eq!(users::find_by_name(&mut world.conn, world.project, "ann").await.unwrap(), Some(made.clone()));
    assert_eq!((made.role, made.name.as_deref(), made.number), (UserRole::Agent, Some("Ann"), 1));
    let credentials = users::credentials(&mut world.conn, world.project, "ann").await.unwrap().unwrap();
    assert_eq!((credentials.user, credentials.password_hash.as_deref()), (made, Some("hash")));
}

#[tokio::test]
async fn a_username_is_given_once_a_project() {
    let mut world = World::new().await;
    let project = world.project;
    users::create(&mut world.conn, &new_user(project, "ann")).await.unwrap();
    let again = users::create(&mut world.conn, &new_user(project, "ann")).await;
    assert_eq!(again.unwrap_err(), Failure::NameTaken);
}

#[tokio::test]
async fn names_are_resolved_in_their_order() {
    let mut world = World::new().await;
    let (ann, ben, gone) = (world.user("ann").await, world.user("ben").await, world.user("gone").await);
    assert!(users::set_deactivated(&mut world.conn, world.project, gone, true, at(0)).await.unwrap());
    let names =
        ["ben".to_owned(), ann.to_string(), "nobody".to_owned(), gone.to_string(), "gone".to_owned(), ben.to_string()];
    let found = users::resolve(&mut world.conn, world.project, &names).await.unwrap();
    let ids: Vec<_> = found.into_iter().map(|user| user.map(|user| user.id)).collect();
    assert_eq!(ids, [Some(ben), Some(ann), None, None, None, Some(ben)]);
    let elsewhere = users::resolve(&mut world.conn, ProjectId::random(), &names).await.unwrap();
    assert!(elsewhere.iter().all(Option::is_none));
}

#[tokio::test]
async fn another_password_ends_older_tokens() {
    let mut world = World::new().await;
    let ann = world.user("ann").await;
    assert!(users::set_password(&mut world.conn, world.project, ann, "new", at(5)).await.unwrap());
    let credentials = users::credentials(&mut world.conn, world.project, "ann").await.unwrap().unwrap();
    assert_eq!((credentials.password_hash.as_deref(), credentials.user.credentials_changed_at), (Some("new"), at(5)));
    assert!(!users::set_password(&mut world.conn, ProjectId::random(), ann, "x", at(6)).await.unwrap());
}
