//! Several at once: one wins, on one node and across two.

use super::{Desk, at, id, set_role};
use crate::rest::api::Api;
use crate::support::project::TestUser;
use crate::support::server::{TestClock, TestServer};
use futures_util::future::join_all;
use palabre::model::account::UserRole;
use serde_json::{Value, json};
use std::collections::HashSet;

/// Takes a request; the status of the answer.
async fn take(api: &Api, user: &TestUser, request: &Value) -> u16 {
    let answer = api.post(&at(request, "take")).user(user).send().await;
    assert!(answer.status == 200 || answer.body["code"] == "conflict", "{answer:?}");
    answer.status
}

/// Two servers on one database.
async fn two_nodes() -> (Desk, TestServer, Api) {
    let clock = TestClock::default();
    let desk = Desk::on(TestServer::builder().clock(&clock).start().await, clock.clone()).await;
    let other = TestServer::builder().beside(&desk.server).clock(&clock).start().await;
    let there = Api::of(&other);
    (desk, other, there)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_who_take_at_once_one_has_it() {
    let (desk, _other, there) = two_nodes().await;
    let apis = [&desk.api, &there];
    for _ in 0..10 {
        let request = desk.request(&desk.alice).await;
        let agents = [&desk.carol, &desk.dan, &desk.root];
        let takes = agents.iter().zip(apis.iter().cycle()).map(|(agent, api)| take(api, agent, &request));
        let mut statuses = join_all(takes).await;
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409, 409]);
        let agent = desk.seen(&desk.root, &request).await["agent"]["username"].as_str().unwrap().to_owned();
        let winner = agents.iter().find(|user| user.username == agent).unwrap();
        desk.step(winner, &request, "resolve").await;
        let taken = desk.steps(&request).await.iter().filter(|step| *step == "taken").count();
        assert_eq!(taken, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_more_than_they_take() {
    let (desk, _other, there) = two_nodes().await;
    desk.set(&desk.carol, "busy", 2).await;
    let mut requests = Vec::new();
    for _ in 0..6 {
        requests.push(desk.request(&desk.alice).await);
    }
    let apis = [&desk.api, &there];
    let takes = requests.iter().zip(apis.iter().cycle()).map(|(request, api)| take(api, &desk.carol, request));
    let won = join_all(takes).await.into_iter().filter(|status| *status == 200).count();
    assert_eq!(won, 2);
    assert_eq!(desk.get(&desk.carol, "/support/agents/me").await["load"], 2);
    // Nor by being handed one.
    let left = desk.get(&desk.root, "/support/queue").await["items"][0].clone();
    desk.step(&desk.dan, &left, "take").await;
    let transfer = desk.api.post(&at(&left, "transfer")).json(json!({ "to": "carol" }));
    transfer.user(&desk.dan).refused(409, "conflict").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_assign_each_request_once_and_to_the_least_busy() {
    let (desk, other, _there) = two_nodes().await;
    let agents = desk.project.users(["a1", "a2", "a3"]).await;
    for agent in &agents {
        set_role(&desk.project, agent, UserRole::Agent).await;
        desk.set(agent, "available", 4).await;
    }
    desk.assign_automatically().await;
    let mut requests = Vec::new();
    for number in 0..12 {
        let user = if number % 2 == 0 { &desk.alice } else { &desk.bob };
        requests.push(desk.request(user).await);
        other.chat.desk.wake();
    }
    for request in &requests {
        desk.until(request, "status", "IN_PROGRESS").await;
        assert_eq!(desk.steps(request).await, ["created", "assigned"]);
    }
    for agent in &agents {
        assert_eq!(desk.get(agent, "/support/agents/me").await["load"], 4);
    }
    // All have as many as they take: the next one waits, until somebody is free.
    let waits = desk.request(&desk.alice).await;
    assert_eq!(desk.seen(&desk.alice, &waits).await["status"], "NEW");
    let done = desk.get(&agents[1], "/support/requests?whose=assigned&limit=1").await["items"][0].clone();
    desk.step(&agents[1], &done, "resolve").await;
    assert_eq!(desk.until(&waits, "status", "IN_PROGRESS").await["agent"], agents[1].shape());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_sessions_opened_at_once_there_is_one() {
    let (desk, _other, there) = two_nodes().await;
    let request = desk.request(&desk.alice).await;
    desk.step(&desk.carol, &request, "take").await;
    let opened = join_all([&desk.api, &there, &desk.api, &there].into_iter().zip([0, 1, 1, 0]).map(|(api, who)| {
        let user = [&desk.alice, &desk.carol][who];
        api.post(&at(&request, "sessions")).user(user).send()
    }))
    .await;
    let ids: HashSet<&str> = opened.iter().map(|answer| id(&answer.body)).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(opened.iter().filter(|answer| answer.status == 201).count(), 1, "{opened:?}");
    let closes = [&desk.api, &there].map(|api| {
        api.post(&format!("/support/sessions/{}/close", ids.iter().next().unwrap())).user(&desk.alice).send()
    });
    let mut statuses: Vec<u16> = join_all(closes).await.into_iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_fills_the_queue_by_asking_at_once_nor_rates_twice() {
    let (desk, _other, there) = two_nodes().await;
    let apis = [&desk.api, &there];
    let new = json!({ "type": "CHAT", "priority": "LOW", "subject": "x" });
    let ask = |number: usize| apis[number % 2].post("/support/requests").json(new.clone()).user(&desk.alice).send();
    let answers = join_all((0..30).map(ask)).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [[201; 20].as_slice(), &[409; 10]].concat());
    let request = &answers.iter().find(|answer| answer.status == 201).unwrap().body;
    desk.step(&desk.carol, request, "take").await;
    desk.step(&desk.carol, request, "resolve").await;
    let stars = |number: usize| apis[number % 2].post(&at(request, "rating")).json(json!({ "stars": 1 + number }));
    let rated = join_all((0..4).map(|number| stars(number).user(&desk.alice).send())).await;
    assert_eq!(rated.iter().filter(|answer| answer.status == 200).count(), 1, "{rated:?}");
    assert_eq!(rated.iter().filter(|answer| answer.status == 409).count(), 3, "{rated:?}");
    assert_eq!(desk.steps(request).await.iter().filter(|step| *step == "rated").count(), 1);
}
