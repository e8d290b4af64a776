//! Tests of the support desk's rules.

use super::*;
use chrono::TimeDelta;
use proptest::prelude::*;
use std::collections::HashMap;
use uuid::Uuid;

const STATUSES: [Status; 4] = [Status::New, Status::InProgress, Status::Resolved, Status::Closed];
const MOVES: [Move; 6] = [
    Move::Take,
    Move::Transfer,
    Move::Resolve,
    Move::Close,
    Move::Reopen { has_agent: true },
    Move::Reopen { has_agent: false },
];

fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

#[test]
fn only_the_documented_steps_lead_anywhere() {
    let mut allowed = Vec::new();
    for status in STATUSES {
        for step in MOVES {
            match next(status, step) {
                Ok(then) => allowed.push((status.as_str(), step, then.as_str())),
                Err(Failure::Conflict(_)) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
    }
    let (back, queued) = (Move::Reopen { has_agent: true }, Move::Reopen { has_agent: false });
    let documented = [
        ("NEW", Move::Take, "IN_PROGRESS"),
        ("IN_PROGRESS", Move::Transfer, "IN_PROGRESS"),
        ("IN_PROGRESS", Move::Resolve, "RESOLVED"),
        ("RESOLVED", Move::Close, "CLOSED"),
        ("RESOLVED", back, "IN_PROGRESS"),
        ("RESOLVED", queued, "NEW"),
        ("CLOSED", back, "IN_PROGRESS"),
        ("CLOSED", queued, "NEW"),
    ];
    assert_eq!(allowed, documented);
}

#[test]
fn a_request_is_talked_about_while_it_is_open_and_rated_once_after() {
    for status in STATUSES {
        let open = matches!(status, Status::New | Status::InProgress);
        assert_eq!(check_open(status).is_ok(), open);
        assert_eq!(check_rating(status, false).is_ok(), !open);
        assert!(check_rating(status, true).is_err());
    }
}

#[test]
fn who_one_is_decides_what_one_may() {
    use UserRole::{Admin, Agent, User};
    let (me, other) = (user(1), user(2));
    let of = |role, customer, agent| Standing::of(me, role, Some(customer), agent);
    assert_eq!(of(User, other, Some(me)), None);
    assert_eq!(of(Agent, other, None), Some(Standing::Agent));
    assert_eq!(of(Agent, other, Some(me)), Some(Standing::Assigned));
    assert_eq!(of(Admin, other, Some(other)), Some(Standing::Admin));
    for role in [User, Agent, Admin] {
        assert_eq!(of(role, me, Some(me)), Some(Standing::Customer), "one's own request is one's own");
    }
    let rights = |standing: Standing| {
        (
            standing.reads(),
            standing.check_staff().is_ok(),
            standing.check_decides().is_ok(),
            standing.check_talks().is_ok(),
        )
    };
    assert_eq!(rights(Standing::Customer), (true, false, false, true));
    assert_eq!(rights(Standing::Agent), (false, true, false, false));
    assert_eq!(rights(Standing::Assigned), (true, true, true, true));
    assert_eq!(rights(Standing::Admin), (true, true, true, true));
}

#[test]
fn the_wait_is_the_mean_time_between_takes_for_each_place() {
    assert_eq!(expected_wait(1, &[]), None);
    assert_eq!(expected_wait(1, &[moment(5)]), None);
    assert_eq!(expected_wait(3, &[moment(30), moment(0), moment(10), moment(20)]), Some(30));
    assert_eq!(expected_wait(i64::MAX, &[moment(0), moment(60)]), None, "nothing overflows");
}

fn waiting() -> impl Strategy<Value = Vec<Waiting>> {
    let priority = proptest::sample::select(vec![Priority::High, Priority::Medium, Priority::Low]);
    let one = (any::<u128>(), 0..8_u128, priority, 0..50_i64).prop_map(|(id, customer, priority, age)| Waiting {
        request: RequestId(Uuid::from_u128(id)),
        customer: user(customer),
        priority,
        queued_at: moment(age),
    });
    proptest::collection::vec(one, 0..30)
}

fn agents() -> impl Strategy<Value = Vec<Candidate>> {
    let one = (0..8_i64, 1..6_i64, proptest::option::of(0..50_i64));
    proptest::collection::vec(one, 0..6).prop_map(|all| {
        let candidate = |(number, (load, capacity, at)): (u128, (i64, i64, Option<i64>))| Candidate {
            agent: user(number),
            load,
            capacity,
            assigned_at: at.map(moment),
        };
        (0..).zip(all).map(candidate).collect()
    })
}

proptest! {
    #[test]
    fn a_plan_is_fair_and_keeps_the_capacities(waiting in waiting(), agents in agents()) {
        let plan = assign(&waiting, &agents);
        let mut loads: HashMap<UserId, i64> = agents.iter().map(|agent| (agent.agent, agent.load)).collect();
        let by_id: HashMap<RequestId, &Waiting> = waiting.iter().map(|request| (request.request, request)).collect();
        let places: Vec<_> = plan.iter().map(|(request, _)| by_id[request].place()).collect();
        prop_assert!(places.is_sorted(), "the queue's order");
        for (request, agent) in &plan {
            let candidate = agents.iter().find(|candidate| candidate.agent == *agent).unwrap();
            prop_assert_ne!(by_id[request].customer, *agent);
            prop_assert!(loads[agent] < candidate.capacity);
            // Nobody else who could have had it had less to do.
            let idler = agents.iter().any(|other| {
                other.agent != by_id[request].customer
                    && loads[&other.agent] < other.capacity
                    && loads[&other.agent] < loads[agent]
            });
            prop_assert!(!idler);
            *loads.get_mut(agent).unwrap() += 1;
        }
        // Who got nothing could be given to nobody.
        for request in waiting.iter().filter(|request| !plan.iter().any(|(given, _)| *given == request.request)) {
            let free = |agent: &&Candidate| agent.agent != request.customer && loads[&agent.agent] < agent.capacity;
            prop_assert_eq!(agents.iter().find(free), None);
        }
    }

    #[test]
    fn more_urgent_comes_first_then_older(waiting in waiting()) {
        let mut queue = waiting;
        queue.sort_by_key(Waiting::place);
        for pair in queue.windows(2) {
            let first = (pair[0].priority, pair[0].queued_at);
            prop_assert!(first <= (pair[1].priority, pair[1].queued_at));
        }
        prop_assert!(Priority::High < Priority::Medium && Priority::Medium < Priority::Low);
    }

    #[test]
    fn the_wait_grows_with_the_place(taken in proptest::collection::vec(0..4_000_i64, 2..20), place in 1..1_000_i64) {
        let taken: Vec<_> = taken.into_iter().map(moment).collect();
        let wait = |place| expected_wait(place, &taken).unwrap();
        prop_assert!(wait(place) >= 0 && wait(place) <= wait(place + 1));
    }
}
