//! Who may read, attach, wear and delete a file.

use super::super::{admin, app, start};
use super::{content, id, kept, path, picture, rows, say, upload};
use chrono::{TimeDelta, Utc};
use image::ImageFormat;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

#[tokio::test]
async fn a_file_is_for_its_owner_and_where_it_is_shown() {
    let (server, project, api) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let (root, key) = (admin(&project, "root").await, app(&project, "game").await);
    let stranger = server.project("other").await.user("alice").await;
    let other_key = app(&server.project("third").await, "game").await;
    let group = project.group_of(&[&alice, &bob]).await;
    let media = upload(&api, &alice, "a.png", &picture(ImageFormat::Png, 4, 3)).await;
    let thumbnail = format!("{}/thumbnail", path(&media));
    let paths = [path(&media), content(&media), thumbnail];
    let nobody = async || {
        for path in &paths {
            for user in [&carol, &root, &stranger] {
                api.get(path).user(user).refused(404, "not_found").await;
            }
            for key in [&key, &other_key] {
                api.get(path).key(key).refused(404, "not_found").await;
            }
            api.get(path).refused(401, "unauthorized").await;
            api.get(path).bearer("bad").refused(401, "unauthorized").await;
            let hour = Duration::from_secs(3600);
            let expired = alice.token(Utc::now() - TimeDelta::hours(2), hour);
            api.get(path).bearer(&expired).refused(401, "token_expired").await;
        }
        for user in [&carol, &stranger] {
            api.delete(&path(&media)).user(user).refused(404, "not_found").await;
        }
        api.delete(&path(&media)).key(&other_key).refused(404, "not_found").await;
        api.delete(&path(&media)).refused(401, "unauthorized").await;
    };
    for path in &paths {
        assert_eq!(api.get(path).user(&alice).raw().await.0, 200);
        api.get(path).user(&bob).refused(404, "not_found").await;
    }
    nobody().await;

    // Shown in a message it is for the members, and what is shown of it says what it is.
    let message = say(&api, &alice, &group, &[&media]).expect(201).await;
    let shown = json!([{ "id": id(&media), "name": "a.png", "mime": "image/png", "size": media["size"], "width": 4, "height": 3 }]);
    assert_eq!(message["attachments"], shown);
    let page = api.get(&format!("/conversations/{group}/messages")).user(&bob).expect(200).await;
    assert_eq!(page["items"][0]["attachments"], shown);
    for path in &paths {
        assert_eq!(api.get(path).user(&bob).raw().await.0, 200);
    }
    nobody().await;
    // A member may read and not delete it.
    api.delete(&path(&media)).user(&bob).refused(403, "forbidden").await;

    // Who leaves reads it no more; nor does anybody when the message is taken back.
    let one = format!("/conversations/{group}/members/bob");
    api.delete(&one).user(&bob).expect(204).await;
    api.get(&path(&media)).user(&bob).refused(404, "not_found").await;
    api.put(&one).user(&alice).json(json!({ "permission": "w" })).expect(200).await;
    api.get(&path(&media)).user(&bob).expect(200).await;
    let message = format!("/conversations/{group}/messages/{}", message["id"].as_str().unwrap());
    api.delete(&message).user(&alice).expect(200).await;
    api.get(&path(&media)).user(&bob).refused(404, "not_found").await;
    api.get(&path(&media)).user(&alice).expect(200).await;

    for path in ["/media/nonsense", &format!("/media/{}", Uuid::new_v4())] {
        for end in ["", "/content", "/thumbnail"] {
            api.get(&format!("{path}{end}")).user(&alice).refused(404, "not_found").await;
        }
        api.delete(path).user(&alice).refused(404, "not_found").await;
    }
}

#[tokio::test]
async fn what_the_blocked_show_is_not_seen() {
    let (_server, project, api) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let group = project.group_of(&[&alice, &bob, &carol]).await;
    let media = upload(&api, &alice, "a", b"words").await;
    say(&api, &alice, &group, &[&media]).expect(201).await;
    project.block(&bob, &alice).await;
    api.get(&path(&media)).user(&bob).refused(404, "not_found").await;
    say(&api, &bob, &group, &[&media]).refused(404, "not_found").await;
    // Who is blocked sees what the other shows, and somebody else may show the same file.
    let other = upload(&api, &bob, "b", b"words").await;
    say(&api, &bob, &group, &[&other]).expect(201).await;
    api.get(&path(&other)).user(&alice).expect(200).await;
    say(&api, &carol, &group, &[&media]).expect(201).await;
    api.get(&path(&media)).user(&bob).expect(200).await;
}

#[tokio::test]
async fn who_may_read_a_file_may_show_it() {
    let (server, project, api) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let stranger = server.project("other").await.user("alice").await;
    let (first, second) = (project.group_of(&[&alice, &bob]).await, project.group_of(&[&bob, &carol]).await);
    let media = upload(&api, &alice, "a", b"words").await;
    let foreign = upload(&api, &stranger, "a", b"words").await;
    say(&api, &bob, &second, &[&media]).refused(404, "not_found").await;
    say(&api, &bob, &second, &[&foreign]).refused(404, "not_found").await;
    say(&api, &alice, &first, &[&media]).expect(201).await;
    say(&api, &alice, &first, &[&media, &media]).invalid(&["attachments[1].id"]).await;
    // Over a socket it is the same.
    let [mut bob_s, mut carol_s, mut alice_s] = server.connect_all([&bob, &carol, &alice]).await;
    let data = |conversation: &str, file: &Value| json!({ "conversation": conversation, "id": Uuid::new_v4(), "body": "see", "attachments": [{ "id": file["id"] }] });
    let passed_on = bob_s.ok("message.text", data(&second, &media)).await;
    assert_eq!(passed_on["attachments"][0]["mime"], "text/plain");
    assert_eq!(carol_s.next_push("message.text").await, passed_on);
    api.get(&path(&media)).user(&carol).expect(200).await;
    assert_eq!(alice_s.refused("message.text", data(&first, &foreign)).await.code, "not_found");
    // An upload that is under way, or gone, is none.
    api.delete(&path(&media)).user(&alice).expect(204).await;
    assert_eq!(bob_s.refused("message.text", data(&second, &media)).await.code, "not_found");
    let page = api.get(&format!("/conversations/{second}/messages")).user(&carol).expect(200).await;
    assert_eq!(page["items"][0]["attachments"], json!([]));
}

#[tokio::test]
async fn owners_administrators_and_apps_delete() {
    let (server, project, api) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let (root, key) = (admin(&project, "root").await, app(&project, "game").await);
    let png = picture(ImageFormat::Png, 400, 300);
    let mut files = Vec::new();
    for _ in 0..3 {
        let media = upload(&api, &alice, "a", &png).await;
        assert_eq!(api.get(&format!("{}/thumbnail", path(&media))).user(&alice).raw().await.0, 200);
        files.push(media);
    }
    assert_eq!(kept(&server).len(), 6);
    let [one, two, three] = &files[..] else { unreachable!() };
    api.delete(&path(one)).user(&alice).expect(204).await;
    api.delete(&path(two)).user(&root).expect(204).await;
    api.delete(&path(three)).key(&key).expect(204).await;
    for media in &files {
        api.get(&path(media)).user(&alice).refused(404, "not_found").await;
        api.delete(&path(media)).user(&alice).refused(404, "not_found").await;
    }
    assert_eq!((kept(&server), rows(&server).await), (Vec::new(), 0));
    // What is the project's own administrators read and users do not.
    let own = api.post("/media").key(&key).file("a", b"words").expect(201).await;
    assert_eq!(api.get(&path(&own)).user(&root).expect(200).await, own);
    api.get(&path(&own)).user(&bob).refused(404, "not_found").await;
    api.delete(&path(&own)).user(&bob).refused(404, "not_found").await;
    api.delete(&path(&own)).user(&root).expect(204).await;
}

#[tokio::test]
async fn an_avatar_is_for_everybody_of_the_project() {
    let (server, project, api) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    project.befriend(&alice, &bob).await;
    let (root, key) = (admin(&project, "root").await, app(&project, "game").await);
    let stranger = server.project("other").await.user("alice").await;
    let png = picture(ImageFormat::Png, 4, 3);
    let (media, own) =
        (upload(&api, &alice, "me.png", &png).await, api.post("/media").key(&key).file("a", &png).expect(201).await);
    let wear = |user, media: &Value| api.patch("/users/alice").user(user).json(json!({ "avatar": media["id"] }));
    // Not another's, not the project's by herself, not what is no picture.
    let bobs = upload(&api, &bob, "b.png", &png).await;
    for bad in [&bobs, &own, &upload(&api, &alice, "a", b"<svg/>").await] {
        wear(&alice, bad).invalid(&["avatar"]).await;
    }
    wear(&root, &bobs).invalid(&["avatar"]).await;
    let mut bob_s = server.connect(&bob).await;
    wear(&alice, &media).expect(200).await;
    assert_eq!(bob_s.next_push("user.update").await["avatar"], media["id"]);
    for path in [path(&media), content(&media), format!("{}/thumbnail", path(&media))] {
        assert_eq!(api.get(&path).user(&bob).raw().await.0, 200);
        assert_eq!(api.get(&path).key(&key).raw().await.0, 200);
        api.get(&path).user(&stranger).refused(404, "not_found").await;
    }
    api.delete(&path(&media)).user(&bob).refused(403, "forbidden").await;
    // It goes, and all hear of it.
    api.delete(&path(&media)).user(&alice).expect(204).await;
    assert!(bob_s.next_push("user.update").await.get("avatar").is_none());
    assert!(api.get("/users/alice").user(&alice).expect(200).await.get("avatar").is_none());
    // Who runs the project gives her one of its own.
    wear(&root, &own).expect(200).await;
    api.get(&path(&own)).user(&bob).expect(200).await;
}

#[tokio::test]
async fn whose_owner_is_deleted_stays_where_it_is_shown() {
    let (_server, project, api) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let key = app(&project, "game").await;
    let group = project.group_of(&[&alice, &bob]).await;
    let (shown, hidden) = (upload(&api, &alice, "a", b"shown").await, upload(&api, &alice, "a", b"hidden").await);
    say(&api, &alice, &group, &[&shown]).expect(201).await;
    api.delete("/users/alice").key(&key).expect(204).await;
    assert_eq!(api.get(&content(&shown)).user(&bob).raw().await.2, b"shown");
    // It does not become the project's.
    for media in [&shown, &hidden] {
        api.get(&path(media)).key(&key).refused(404, "not_found").await;
    }
}
