//! Clients that mean harm, or know no better: too much, too slow, or never saying who they are.

use super::link::{Link, history};
use super::raw::{FIN, Raw, TEXT, masked, upgrade};
use crate::support::client::{Event, Via, text};
use crate::support::project::TestUser;
use crate::support::server::TestServer;
use crate::support::wait::until_async;
use diesel::sql_types::Uuid as SqlUuid;
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tokio::time::{Instant, timeout};

#[tokio::test]
async fn three_thousand_events_at_once_get_a_reply_each() {
    const EVENTS: usize = 3_000;
    let server = TestServer::start().await;
    let project = server.project("flood").await;
    let [ann, ben] = project.users(["ann", "ben"]).await;
    let conversation = project.group_of(&[&ann, &ben]).await;
    for via in [Via::WsJson, Via::TcpMsgPack] {
        let mut flooding = server.connect_via(&ann, via).await;
        let mut other = server.connect(&ben).await;
        let mut waiting = HashSet::new();
        for number in 0..EVENTS {
            let data = text(&conversation, &number.to_string());
            waiting.insert(flooding.send("message.text", data).await);
        }
        let asked = Instant::now();
        other.sync().await;
        assert!(asked.elapsed() < Duration::from_secs(2), "another client waited for {:?}", asked.elapsed());
        let mut refused = 0;
        while !waiting.is_empty() {
            match flooding.next().await {
                Event::Reply { re, .. } => assert!(waiting.remove(&re), "{re} was answered twice"),
                Event::Error { re, error } => {
                    assert!(waiting.remove(&re.unwrap()), "{re:?} was answered twice");
                    error.expect(429, "rate_limited");
                    assert!((1..=1_000).contains(&error.retry_after_ms.unwrap()), "{error:?}");
                    refused += 1;
                }
                Event::Push { .. } | Event::Pong => {}
                Event::Closed(code) => panic!("closed with {code:?}"),
            }
        }
        assert!((1..=EVENTS - 400).contains(&refused), "{refused} were refused");
        // After a moment one may go on.
        until_async("the limit to let it pass", async || {
            flooding.request("status.fetch", json!({ "users": [] })).await.ok()
        })
        .await;
    }
}

#[tokio::test]
async fn own_answers_never_make_a_session_slow() {
    const MESSAGES: usize = 100;
    const PAGES: usize = 60;
    let server = TestServer::builder().limits(|limits| limits.events_burst = 10_000).start().await;
    let project = server.project("pages").await;
    let [ann] = project.users(["ann"]).await;
    let conversation = project.group_of(&[&ann]).await;
    let (mut link, _) = Link::sign_in(server.addresses.tcp.unwrap(), "pages", &ann.token).await.unwrap();
    let body = "x".repeat(16_000);
    for _ in 0..MESSAGES {
        link.ok("message.text", &text(&conversation, &body)).await;
    }
    // Some fifteen megabytes are asked for before the first answer is read.
    let request = json!({ "conversation": conversation, "after_seq": 0, "limit": 200 });
    let mut waiting: Vec<u32> = Vec::new();
    for _ in 0..PAGES {
        waiting.push(link.send("message.fetch", &request).await.unwrap());
    }
    // It has begun to answer, and the socket is as full as it gets without being read.
    link.until_unread(64 * 1024).await;
    for id in waiting {
        let frame = loop {
            let frame = link.next().await.expect("closed by its own answers");
            if frame.correlation != 0 || frame.kind == crate::support::frame::CLOSE {
                break frame;
            }
        };
        assert_eq!((frame.kind, frame.correlation), (crate::support::frame::REPLY, id), "{}", frame.payload);
    }
}

#[tokio::test]
async fn what_was_sent_before_a_close_still_takes_effect() {
    let server = TestServer::start().await;
    let project = server.project("farewell").await;
    let [ann, ben] = project.users(["ann", "ben"]).await;
    let conversation = project.group_of(&[&ann, &ben]).await;
    let mut hears = server.connect(&ben).await;
    let mut raw = Raw::open(server.addresses.http, "farewell", "palabre.v1.json", Some(&ann.token)).await;
    let mut bytes = Vec::new();
    for number in 1..=5 {
        let request = json!({ "id": number, "type": "message.text", "data": text(&conversation, &number.to_string()) });
        bytes.extend(masked(FIN | TEXT, request.to_string().as_bytes()));
    }
    bytes.extend(masked(FIN | super::raw::CLOSE, &1000_u16.to_be_bytes()));
    raw.write(&bytes).await;
    for number in 1..=5 {
        assert_eq!(hears.next_push("message.text").await["body"], number.to_string());
    }
    assert_eq!(raw.close_code().await, Some(1000));
}

#[tokio::test]
async fn who_never_says_who_it_is_is_closed() {
    const PLACES: usize = 12;
    let server = TestServer::builder()
        .limits(|limits| {
            limits.unauthenticated_connections = PLACES;
            limits.auth_timeout = Duration::from_millis(800);
        })
        .start()
        .await;
    let project = server.project("strangers").await;
    let [ann] = project.users(["ann"]).await;
    let (http, tcp) = (server.addresses.http, server.addresses.tcp.unwrap());
    let mut inside = server.connect(&ann).await;

    let (mut sockets, mut links) = (Vec::new(), Vec::new());
    for _ in 0..PLACES / 2 {
        let mut raw = Raw::open(http, "strangers", "palabre.v1.json", None).await;
        raw.write(&masked(FIN | TEXT, br#"{"id":1,"type":"status.fetch","data":{}}"#)).await;
        let (_, refusal) = raw.frame().await.unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&refusal).unwrap()["data"]["code"], "unauthorized");
        sockets.push(raw);
        let mut link = Link::connect(tcp).await.unwrap();
        let refusal = link.request("status.fetch", &json!({})).await.unwrap().unwrap_err();
        assert_eq!(refusal["code"], "unauthorized");
        links.push(link);
    }
    // All places are taken: whoever comes now is told to come back later, on either transport, also with a good token.
    let mut raw = Raw::open(http, "strangers", "palabre.v1.json", Some(&ann.token)).await;
    assert_eq!(raw.close_code().await, Some(4100));
    let mut link = Link::connect(tcp).await.unwrap();
    link.send("session.auth", &json!({ "project": "strangers", "token": ann.token })).await;
    assert_eq!(link.closed().await, Some(4100));
    inside.sync().await;

    for mut raw in sockets {
        assert_eq!(raw.close_code().await, Some(4200));
    }
    for mut link in links {
        assert_eq!(link.closed().await, Some(4200));
    }
    let mut client = server.connect(&ann).await;
    client.sync().await;
}

#[tokio::test]
async fn a_reader_that_never_reads_is_closed_and_nobody_waits_for_it() {
    const MESSAGES: usize = 1_200;
    let server = TestServer::builder()
        .limits(|limits| {
            limits.events_per_second = 100_000;
            limits.events_burst = 100_000;
        })
        .start()
        .await;
    let project = server.project("slow").await;
    let [ann, ben, slow] = project.users(["ann", "ben", "slow"]).await;
    let conversation = project.group_of(&[&ann, &ben, &slow]).await;
    let tcp = server.addresses.tcp.unwrap();
    let (mut sleeping, _) = Link::sign_in(tcp, "slow", &slow.token).await.unwrap();
    let (mut talking, _) = Link::sign_in(tcp, "slow", &ann.token).await.unwrap();
    let (mut hearing, _) = Link::sign_in(tcp, "slow", &ben.token).await.unwrap();

    let hear = tokio::spawn(async move {
        let mut heard = 0;
        while heard < MESSAGES {
            let frame = hearing.next().await.expect("the one who reads is not closed");
            if frame.payload["type"] == "message.text" {
                heard += 1;
                assert_eq!(frame.payload["data"]["seq"], heard);
            }
        }
    });
    let body = "y".repeat(16_000);
    let mut slowest = Duration::ZERO;
    for _ in 0..MESSAGES {
        let asked = Instant::now();
        talking.ok("message.text", &text(&conversation, &body)).await;
        slowest = slowest.max(asked.elapsed());
    }
    assert!(slowest < Duration::from_secs(2), "somebody waited {slowest:?} for the slow reader");
    timeout(Duration::from_secs(30), hear).await.unwrap().unwrap();
    // What the kernel took is still there; then the connection is over, with the code if that could be written.
    let mut heard = 0;
    let code = loop {
        match sleeping.next().await {
            Some(frame) if frame.kind == crate::support::frame::CLOSE => break frame.payload["data"]["code"].as_u64(),
            Some(frame) if frame.payload["type"] == "message.text" => {
                heard = frame.payload["data"]["seq"].as_i64().unwrap();
            }
            Some(_) => {}
            None => break None,
        }
    };
    assert!(matches!(code, Some(4001) | None), "{code:?}");
    assert!(heard < i64::try_from(MESSAGES).unwrap(), "it was never too much for the kernel's buffers");
    // It comes back and resumes.
    let (mut link, _) = Link::sign_in(tcp, "slow", &slow.token).await.unwrap();
    assert_eq!(history(&mut link, &conversation).await.len(), MESSAGES);
}

#[tokio::test]
async fn much_told_at_once_makes_nobody_slow_who_reads() {
    // Together more than may wait for a session, but not more than that and its socket's buffer.
    const WRITERS: usize = 13;
    const EACH: usize = 7;
    let server = TestServer::start().await;
    let project = server.project("batch").await;
    let users = project.crowd(WRITERS + 1).await;
    let conversation = project.group_of(&users.iter().collect::<Vec<_>>()).await;
    let mut hearing = server.connect(&users[WRITERS]).await;
    let mut writing = Vec::new();
    for user in &users[..WRITERS] {
        let mut client = server.connect_via(user, Via::TcpMsgPack).await;
        // The room is awake and known from here on.
        client.say(&conversation, "hello").await;
        writing.push(client);
    }
    // While somebody holds the conversation, all that is said gathers for one batch.
    let mut connection = project.conn().await;
    let (held, holds) = tokio::sync::oneshot::channel();
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let id: uuid::Uuid = conversation.parse().unwrap();
    let holding = tokio::spawn(async move {
        let work = async |connection: &mut diesel_async::AsyncPgConnection| {
            let lock = diesel::sql_query("SELECT FROM conversations WHERE id = $1 FOR UPDATE").bind::<SqlUuid, _>(id);
            lock.execute(connection).await?;
            held.send(()).unwrap();
            released.await.unwrap();
            diesel::QueryResult::Ok(())
        };
        diesel_async::AsyncConnection::transaction(&mut connection, work).await.unwrap();
    });
    holds.await.unwrap();
    let body = "x".repeat(16_000);
    let mut waiting = Vec::new();
    for client in &mut writing {
        for _ in 0..EACH {
            waiting.push(client.send("message.text", text(&conversation, &body)).await);
        }
    }
    release.send(()).unwrap();
    holding.await.unwrap();
    let hear = async {
        for seq in 1..=WRITERS + WRITERS * EACH {
            let push = hearing.next_push("message.text").await;
            assert_eq!(push["seq"], seq);
        }
    };
    let answer = async {
        for (index, re) in waiting.into_iter().enumerate() {
            writing[index / EACH].reply(re).await.unwrap();
        }
    };
    tokio::join!(hear, answer);
}

#[tokio::test]
async fn thousands_of_conversations_of_one_user() {
    const GROUPS: i32 = 3_000;
    let server = TestServer::start().await;
    let project = server.project("joiner").await;
    let [ann, ben] = project.users(["ann", "ben"]).await;
    join_groups(&mut project.conn().await, project.id.0, &[&ann, &ben], GROUPS).await;
    let mut client = server.connect(&ann).await;
    assert!(client.opening().more_conversations);
    let mut seen = HashSet::new();
    let mut page = json!({ "conversations": client.opening().conversations.clone(), "more": true });
    while page["more"] == true {
        let items = page["conversations"].as_array().unwrap();
        let last = items.last().unwrap();
        let before = last["last_message"]["date"].as_str().or(last["created_at"].as_str()).unwrap().to_owned();
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        page = match client.request("group.summary", json!({ "before": before })).await {
            Ok(page) => page,
            Err(error) => panic!("{error:?}"),
        };
    }
    seen.extend(page["conversations"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
    assert_eq!(seen.len(), usize::try_from(GROUPS).unwrap());

    let mut other = server.connect(&ben).await;
    for conversation in seen.iter().take(20) {
        other.say(conversation, "everywhere").await;
        assert_eq!(client.next_push("message.text").await["conversation"], conversation.as_str());
    }
}

/// Puts users into many new groups, each created at a moment of its own.
async fn join_groups(conn: &mut diesel_async::AsyncPgConnection, project: uuid::Uuid, users: &[&TestUser], count: i32) {
    let users: Vec<uuid::Uuid> = users.iter().map(|user| user.id.parse().unwrap()).collect();
    let statement = format!(
        "WITH made AS (
            INSERT INTO conversations (id, project_id, kind, member_count, created_at, updated_at)
            SELECT gen_random_uuid(), $1, 'group', {}, at, at
            FROM (SELECT date_trunc('second', now()) - n * interval '1 second' AS at FROM generate_series(1, {count}) n) t
            RETURNING id
        )
        INSERT INTO members (conversation_id, user_id, permission) SELECT id, u, 'w' FROM made, unnest($2) u",
        users.len()
    );
    diesel::sql_query(statement)
        .bind::<SqlUuid, _>(project)
        .bind::<diesel::sql_types::Array<SqlUuid>, _>(users)
        .execute(conn)
        .await
        .unwrap();
}

#[tokio::test]
async fn upgrades_that_are_none_get_an_answer_that_says_why() {
    let server = TestServer::start().await;
    let project = server.project("oddities").await;
    let [ann] = project.users(["ann"]).await;
    let good = upgrade("/ws/oddities", "");
    let without =
        |name: &str| -> String { good.split_inclusive("\r\n").filter(|line| !line.starts_with(name)).collect() };
    let cases: HashMap<&str, (String, &[u16])> = [
        ("POST", (good.replacen("GET", "POST", 1), &[405][..])),
        ("CONNECT", ("CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n".to_owned(), &[400, 404, 405])),
        ("another path", (upgrade("/elsewhere", ""), &[404])),
        ("no project", (upgrade("/ws/", ""), &[404])),
        ("a path below", (upgrade("/ws/oddities/more", ""), &[404])),
        ("no key", (without("Sec-WebSocket-Key"), &[400])),
        ("a short key", (good.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), &[400])),
        ("no version", (without("Sec-WebSocket-Version"), &[400, 426])),
        ("an older version", (good.replace("Version: 13", "Version: 8"), &[426])),
        ("HTTP/1.0", (good.replace("HTTP/1.1", "HTTP/1.0"), &[400, 426, 505])),
        ("another protocol", (good.replace("websocket", "h2c"), &[400, 404, 426])),
        ("no known subprotocol", (upgrade("/ws/oddities", "Sec-WebSocket-Protocol: mqtt\r\n"), &[400])),
        ("a foreign page", (upgrade("/ws/oddities", "Origin: https://evil.example\r\n"), &[403])),
        ("no HTTP at all", ("\u{1}\u{2}\u{3}\r\n\r\n".to_owned(), &[400])),
        ("headers without end", (format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(200_000)), &[400, 413, 431])),
    ]
    .into();
    for (what, (request, statuses)) in cases {
        let mut raw = Raw::connect(server.addresses.http).await;
        raw.write(request.as_bytes()).await;
        let head = raw.head().await;
        let status: Option<u16> = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        assert!(status.is_some_and(|status| statuses.contains(&status)), "{what}: {head:?}");
        if status == Some(426) {
            assert!(head.to_ascii_lowercase().contains("sec-websocket-version: 13"), "{what}: {head}");
        }
        raw.finish().await;
        raw.ended().await;
    }
    server.connect(&ann).await.sync().await;
}

#[tokio::test]
async fn headers_that_never_end_are_not_waited_for() {
    let server = TestServer::start().await;
    let project = server.project("loris").await;
    let [ann] = project.users(["ann"]).await;
    let mut slow = Vec::new();
    for _ in 0..100 {
        let mut raw = Raw::connect(server.addresses.http).await;
        raw.write(b"GET /ws/loris HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").await;
        slow.push(raw);
    }
    server.connect(&ann).await.sync().await;
    let began = Instant::now();
    for mut raw in slow {
        raw.ended().await;
    }
    assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
}
