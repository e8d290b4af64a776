//! Pages of history.

use super::start;
use crate::support::client::{Client, Via, text};
use crate::support::project::Project;
use crate::support::server::TestServer;
use serde_json::{Value, json};

fn seqs(page: &Value) -> Vec<i64> {
    page["messages"].as_array().unwrap().iter().map(|message| message["seq"].as_i64().unwrap()).collect()
}

/// A session of somebody who said so many things in a group.
async fn talk(count: u32) -> (TestServer, Project, Client, String) {
    let (server, project) = start().await;
    let alice = project.user("alice").await;
    let group = project.group_of(&[&alice]).await;
    let mut alice = server.connect(&alice).await;
    let mut last = 0;
    for number in 1..=count {
        last = alice.send("message.text", text(&group, &number.to_string())).await;
    }
    if count > 0 {
        assert_eq!(alice.reply(last).await.unwrap()["seq"], count);
    }
    (server, project, alice, group)
}

#[tokio::test]
async fn pages_ascend_and_say_whether_there_is_more_that_way() {
    let (_server, _project, mut alice, group) = talk(120).await;
    let mut fetch = async |extra: Value| {
        let mut data = json!({ "conversation": group });
        data.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let page = alice.ok("message.fetch", data).await;
        assert_eq!(page["conversation"], group);
        (seqs(&page), page["more"].as_bool().unwrap())
    };
    let range = |from: i64, to: i64| (from..=to).collect::<Vec<i64>>();
    for (extra, from, to, more) in [
        (json!({}), 71, 120, true),
        (json!({ "limit": 1 }), 120, 120, true),
        (json!({ "limit": 119 }), 2, 120, true),
        (json!({ "limit": 120 }), 1, 120, false),
        (json!({ "limit": 200 }), 1, 120, false),
        (json!({ "before_seq": 71 }), 21, 70, true),
        (json!({ "before_seq": 21 }), 1, 20, false),
        (json!({ "before_seq": 51 }), 1, 50, false),
        (json!({ "before_seq": 1 }), 1, 0, false),
        (json!({ "before_seq": 1_000_000 }), 71, 120, true),
        (json!({ "after_seq": 0 }), 1, 50, true),
        (json!({ "after_seq": 70 }), 71, 120, false),
        (json!({ "after_seq": 69, "limit": 50 }), 70, 119, true),
        (json!({ "after_seq": 120 }), 1, 0, false),
        (json!({ "after_seq": 5, "limit": 2 }), 6, 7, true),
        (json!({ "after_seq": -1, "limit": 1 }), 1, 1, true),
    ] {
        assert_eq!(fetch(extra.clone()).await, (range(from, to), more), "{extra}");
    }
}

#[tokio::test]
async fn pages_end_before_a_date() {
    let (_server, _project, mut alice, group) = talk(3).await;
    let page = alice.ok("message.fetch", json!({ "conversation": group })).await;
    let dates: Vec<_> = page["messages"].as_array().unwrap().iter().map(|message| message["date"].clone()).collect();
    for (date, at) in dates.iter().zip(&dates) {
        let page = alice.ok("message.fetch", json!({ "conversation": group, "before": date })).await;
        let expected: Vec<i64> =
            (1..).zip(&dates).filter(|(_, date)| date.as_str() < at.as_str()).map(|(seq, _)| seq).collect();
        assert_eq!(seqs(&page), expected);
    }
    let all = json!({ "conversation": group, "before": "2999-01-01T00:00:00Z" });
    assert_eq!(seqs(&alice.ok("message.fetch", all).await), [1, 2, 3]);
    let none = json!({ "conversation": group, "before": "2000-01-01T00:00:00+02:00" });
    assert_eq!(alice.ok("message.fetch", none).await["messages"], json!([]));
    alice.refused("message.fetch", json!({ "conversation": group, "before": "today" })).await.expect_invalid("before");
}

#[tokio::test]
async fn a_page_has_one_bound_and_a_reasonable_size() {
    let (_server, _project, mut alice, group) = talk(0).await;
    let empty = alice.ok("message.fetch", json!({ "conversation": group })).await;
    assert_eq!(empty, json!({ "conversation": group, "messages": [], "more": false }));
    let date = "2026-11-20T18:00:00.000Z";
    for (bounds, field) in [
        (json!({ "before_seq": 5, "after_seq": 1 }), "after_seq"),
        (json!({ "before_seq": 5, "before": date }), "before"),
        (json!({ "after_seq": 5, "before": date }), "before"),
        (json!({ "limit": 0 }), "limit"),
        (json!({ "limit": 201 }), "limit"),
        (json!({ "limit": -1 }), "limit"),
    ] {
        let mut data = json!({ "conversation": group });
        data.as_object_mut().unwrap().extend(bounds.as_object().unwrap().clone());
        alice.refused("message.fetch", data).await.expect_invalid(field);
    }
}

#[tokio::test]
async fn a_page_ends_before_the_frame_is_too_large_and_the_rest_follows() {
    let (server, _project, mut alice, group) = talk(0).await;
    let long = "漢".repeat(16_384);
    for _ in 0..12 {
        alice.say(&group, &long).await;
    }
    let user = alice.user().clone();
    for via in Via::ALL {
        let mut alice = server.connect_via(&user, via).await;
        let mut forward = Vec::new();
        loop {
            let after = forward.last().copied().unwrap_or(0);
            let page =
                alice.ok("message.fetch", json!({ "conversation": group, "after_seq": after, "limit": 200 })).await;
            assert!(page.to_string().len() <= 262_144, "{via:?}");
            assert_eq!(seqs(&page).first(), Some(&(after + 1)));
            forward.extend(seqs(&page));
            if page["more"] == false {
                break;
            }
        }
        assert_eq!(forward, (1..=12).collect::<Vec<i64>>());
        let mut page = alice.ok("message.fetch", json!({ "conversation": group, "limit": 200 })).await;
        let mut backward = seqs(&page);
        assert_eq!(backward.last(), Some(&12), "the latest come first");
        while page["more"] == true {
            page = alice
                .ok("message.fetch", json!({ "conversation": group, "before_seq": backward[0], "limit": 200 }))
                .await;
            backward.splice(0..0, seqs(&page));
        }
        assert_eq!(backward, (1..=12).collect::<Vec<i64>>());
    }
}
