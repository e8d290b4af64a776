//! A file comes in, or does not.

use super::super::api::{Api, FORM, form};
use super::super::{app, start};
use super::{id, kept, path, picture, rows, upload};
use crate::support::server::TestServer;
use crate::support::wait::until_async;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use image::ImageFormat;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_file_is_what_is_in_it_and_its_name_is_clean() {
    let (server, project, api) = start().await;
    let alice = project.user("alice").await;
    let bytes = picture(ImageFormat::Png, 31, 17);
    let media = upload(&api, &alice, "../../etc/evil\u{202e}.html", &bytes).await;
    let expected = json!({
        "id": media["id"], "name": "evil.html", "mime": "image/png", "size": bytes.len(), "width": 31, "height": 17,
        "created_at": media["created_at"], "url": format!("/api/v1/media/{}/content", id(&media)),
    });
    assert_eq!(media, expected);
    let keys: Vec<&String> = media.as_object().unwrap().keys().collect();
    assert!(keys.len() == 8, "{keys:?}");
    assert_eq!(api.get(&path(&media)).user(&alice).expect(200).await, media);
    let answer = api.post("/media").user(&alice).file("a.txt", b"words").send().await;
    assert_eq!(answer.headers["location"], format!("/api/v1/media/{}", id(&answer.body)));
    for (bytes, mime) in [
        (&b"words"[..], "text/plain"),
        (b"<html><script>alert(1)</script>", "text/html"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"\x00\x01\x02", "application/octet-stream"),
        // It begins like a text, for long, and is none.
        (&[vec![b'a'; 3_000_000], vec![0xff]].concat(), "application/octet-stream"),
        // Its last character is cut off.
        (&[vec![b'a'; 3_000_000], vec![0xc3]].concat(), "application/octet-stream"),
    ] {
        let media = upload(&api, &alice, "x", bytes).await;
        assert_eq!((&media["mime"], media["size"].as_u64()), (&json!(mime), Some(bytes.len() as u64)));
        assert!(media.get("width").is_none(), "{media}");
    }
    assert_eq!(kept(&server).len(), 9);
    // Apps bring files for the project.
    let key = app(&project, "game").await;
    let media = api.post("/media").key(&key).file("a", b"words").expect(201).await;
    assert_eq!(api.get(&path(&media)).key(&key).expect(200).await, media);
}

#[tokio::test]
async fn what_is_no_form_with_one_file_is_refused_and_leaves_nothing() {
    let (server, project, api) = start().await;
    let alice = project.user("alice").await;
    let post = || api.post("/media").user(&alice);
    api.post("/media").file("a", b"x").refused(401, "unauthorized").await;
    post().refused(415, "bad_envelope").await;
    post().json(json!({})).refused(415, "bad_envelope").await;
    post().body("multipart/mixed; boundary=x", "--x--").refused(415, "bad_envelope").await;
    for content_type in ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=other"]
    {
        post().body(content_type, form(&[("file", Some("a"), b"x")])).refused(400, "bad_envelope").await;
    }
    for body in [form(&[]), form(&[("other", None, b"x")]), form(&[("file", Some("a"), b"")])] {
        post().body(FORM, body).invalid(&["file"]).await;
    }
    let two: [(&str, Option<&str>, &[u8]); 2] = [("file", Some("a"), b"x"), ("file", Some("b"), b"y")];
    post().body(FORM, form(&two)).invalid(&["file"]).await;
    // Cut off anywhere, or not a form at all.
    let whole = form(&[("file", Some("a"), &vec![b'x'; 3_000_000])]);
    for length in [0, 10, 100, 200, 1_500_000, whole.len() - 4, whole.len() - 20] {
        post().body(FORM, whole[..length].to_vec()).refused(400, "bad_envelope").await;
    }
    post().body(FORM, "words and no form").refused(400, "bad_envelope").await;
    let nameless = "--the-boundary\r\nContent-Type: text/plain\r\n\r\nx\r\n--the-boundary--\r\n";
    post().body(FORM, nameless).refused(400, "bad_envelope").await;
    let nested = "--the-boundary\r\nContent-Disposition: form-data; name=\"file\"\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y--\r\n--the-boundary--\r\n";
    post().body(FORM, nested).refused(400, "bad_envelope").await;
    let long_header =
        format!("--the-boundary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}", "a".repeat(100_000));
    post().body(FORM, long_header).refused(400, "bad_envelope").await;
    assert_eq!((kept(&server), rows(&server).await), (Vec::new(), 0));
}

#[tokio::test]
async fn nothing_beyond_the_limits_is_stored() {
    let server = TestServer::builder()
        .settings(|settings| {
            settings.media.file_bytes = 3_000_000;
            settings.media.user_bytes = 5_000_000;
            settings.media.project_bytes = 7_000_000;
            settings.media.types = vec!["text/plain".to_owned(), "image/*".to_owned()];
        })
        .start()
        .await;
    let (project, api) = (server.project("p").await, Api::of(&server));
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let key = app(&project, "game").await;
    api.post("/media").user(&alice).file("a", b"%PDF-1.7\n").invalid(&["file"]).await;
    let late = [vec![b'a'; 2_000_000], vec![0]].concat();
    api.post("/media").user(&alice).file("a", &late).invalid(&["file"]).await;
    let of = |bytes: usize| vec![b'a'; bytes];
    api.post("/media").user(&alice).file("a", &of(3_000_001)).refused(413, "too_large").await;
    // Without a declared length, too: and the server does not read on for ever.
    let (head, tail) = (form(&[("file", Some("a"), b"")]), of(64 * 1024));
    let head = head[..head.len() - "\r\n--the-boundary--\r\n".len()].to_vec();
    let endless = stream::once(async move { Ok::<_, std::io::Error>(head) })
        .chain(stream::repeat_with(move || Ok(tail.clone())).take(400));
    let sent =
        api.post("/media").user(&alice).body(FORM, reqwest::Body::wrap_stream(endless)).refused(413, "too_large");
    sent.await;
    assert_eq!((kept(&server), rows(&server).await), (Vec::new(), 0));
    // 3 MB and then 2 MB of 5 MB: what a body is longer than its file is set aside for a moment only.
    upload(&api, &alice, "a", &of(3_000_000)).await;
    api.post("/media").user(&alice).file("a", &of(2_000_001)).refused(413, "too_large").await;
    let second = upload(&api, &alice, "a", &of(1_900_000)).await;
    api.post("/media").user(&alice).file("a", &of(200_000)).refused(413, "too_large").await;
    // The project has 2.1 MB left, whoever asks.
    for call in [api.post("/media").user(&bob), api.post("/media").key(&key)] {
        call.file("a", &of(2_200_000)).refused(413, "too_large").await;
    }
    upload(&api, &bob, "a", &of(2_000_000)).await;
    // What is deleted makes room.
    api.delete(&path(&second)).user(&alice).expect(204).await;
    upload(&api, &alice, "a", &of(1_000_000)).await;
    assert_eq!((kept(&server).len(), rows(&server).await), (3, 3));
}

#[tokio::test]
async fn those_at_once_share_what_is_left() {
    let server = TestServer::builder().settings(|settings| settings.media.user_bytes = 1_000_000).start().await;
    let (project, api) = (server.project("p").await, Api::of(&server));
    let alice = project.user("alice").await;
    let bytes = vec![b'a'; 300_000];
    let sent = join_all((0..4).map(|_| api.post("/media").user(&alice).file("a", &bytes).send())).await;
    let mut statuses: Vec<u16> = sent.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 201, 413]);
    assert_eq!(kept(&server).len(), 3);
}

/// An upload that begins and does not go on.
async fn begin(server: &TestServer, token: &str, bytes: usize) -> TcpStream {
    let mut stream = TcpStream::connect(server.addresses.http).await.unwrap();
    let head = format!(
        "POST /api/v1/media HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: {FORM}\r\nContent-Length: 9000000\r\n\r\n\
         --the-boundary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n{}",
        "a".repeat(bytes)
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn an_upload_that_stalls_is_ended_and_leaves_nothing() {
    let patience = Duration::from_millis(500);
    let server = TestServer::builder().settings(|settings| settings.media.patience = patience).start().await;
    let alice = server.project("p").await.user("alice").await;
    for bytes in [0, 100, 2_000_000] {
        let mut stream = begin(&server, &alice.token, bytes).await;
        let mut answer = vec![0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(String::from_utf8(answer).unwrap(), "HTTP/1.1 408");
    }
    assert_eq!((kept(&server), rows(&server).await), (Vec::new(), 0));
}

#[tokio::test]
async fn who_goes_away_leaves_nothing() {
    let server = TestServer::start().await;
    let alice = server.project("p").await.user("alice").await;
    let stream = begin(&server, &alice.token, 2_500_000).await;
    until_async("pieces are written", async || (!kept(&server).is_empty()).then_some(())).await;
    assert_eq!(rows(&server).await, 1);
    drop(stream);
    until_async("nothing is left", async || (kept(&server).is_empty() && rows(&server).await == 0).then_some(())).await;
}

#[tokio::test]
async fn a_caller_has_four_uploads_at_once() {
    let server = TestServer::start().await;
    let (project, api) = (server.project("p").await, Api::of(&server));
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let mut begun = Vec::new();
    for _ in 0..4 {
        begun.push(begin(&server, &alice.token, 100_000).await);
    }
    until_async("all have begun", async || (rows(&server).await == 4).then_some(())).await;
    let refused = api.post("/media").user(&alice).file("a", b"x").refused(429, "rate_limited").await;
    assert_eq!(refused.headers["retry-after"], "1");
    upload(&api, &bob, "a", b"x").await;
    drop(begun);
    until_async("the places are free", async || {
        (api.post("/media").user(&alice).file("a", b"x").send().await.status == 201).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_name_may_come_in_any_language() {
    let (_server, project, api) = start().await;
    let alice = project.user("alice").await;
    let body = "--the-boundary\r\nContent-Disposition: form-data; name=\"file\"; filename*=UTF-8''%C3%A9t%C3%A9%20%F0%9F%8C%9E.txt\r\n\r\nx\r\n--the-boundary--\r\n";
    let media: Value = api.post("/media").user(&alice).body(FORM, body).expect(201).await;
    assert_eq!(media["name"], "été 🌞.txt");
    let body = "--the-boundary\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--the-boundary--\r\n";
    assert_eq!(api.post("/media").user(&alice).body(FORM, body).expect(201).await["name"], "file");
}
