//! `GET /metrics`: the server's figures for Prometheus. `docs/operating.md` lists them; none names a user, a project or a
//! conversation.

use super::AdminState;
use super::exposition::{CONTENT_TYPE, Exposition};
use super::process::Process;
use crate::chat::Chat;
use crate::chat::metrics::Counter;
use actix_web::{HttpResponse, web};

/// All figures of now.
pub async fn show(state: web::Data<AdminState>) -> HttpResponse {
    // With thousands of connections open their files take a while to count.
    let process = web::block(Process::read).await.unwrap_or_default();
    let mut text = Exposition::default();
    text.gauges("palabre_build_info", "The program that runs", "version", [(env!("CARGO_PKG_VERSION"), 1)]);
    connections(&mut text, &state.chat);
    messages(&mut text, &state.chat);
    callers(&mut text, &state.chat);
    callbacks(&mut text, &state.chat);
    models(&mut text, &state.chat);
    database(&mut text, &state.chat);
    of_process(&mut text, process);
    HttpResponse::Ok().content_type(CONTENT_TYPE).body(text.finish())
}

fn connections(text: &mut Exposition, chat: &Chat) {
    let metrics = &chat.metrics;
    let (connections, sessions) = (metrics.connections.get(), metrics.sessions.get());
    text.gauge("palabre_connections", "Connections of clients, signed in or not", connections);
    let strangers = (connections - sessions).max(0);
    text.gauge("palabre_connections_unauthenticated", "Connections that have not signed in", strangers);
    text.gauge("palabre_sessions", "Connections that have signed in", sessions);
    text.counter("palabre_sessions_opened_total", "Sessions that were opened", metrics.opened.get());
    let closes = metrics.closes.each().map(|(code, count)| (code.number(), count.get()));
    text.counters("palabre_closes_total", "Connections that the server closed, by its code", "code", closes);
    text.counter("palabre_slow_consumers_total", "Sessions closed because they read too slowly", metrics.slow.get());
    text.gauge("palabre_namespaces", "Projects in use since the start", chat.namespace_count());
    text.gauge("palabre_rooms", "Conversations awake", metrics.rooms.get());
}

fn messages(text: &mut Exposition, chat: &Chat) {
    let metrics = &chat.metrics;
    text.counter("palabre_requests_total", "Requests of sessions that were answered", metrics.requests.get());
    text.counter("palabre_messages_stored_total", "Messages stored", metrics.stored.get());
    text.counter("palabre_events_delivered_total", "Events handed to sessions", metrics.delivered.get());
    let depths = chat.scribe_depths();
    let messages = depths.iter().map(|(messages, _)| messages).enumerate();
    text.gauges("palabre_scribe_waiting_messages", "Messages that wait to be stored", "scribe", messages);
    let bytes = depths.iter().map(|(_, bytes)| bytes).enumerate();
    text.gauges("palabre_scribe_waiting_bytes", "Bytes of messages that wait to be stored", "scribe", bytes);
    text.histogram("palabre_batch_messages", "Messages stored in one transaction", &metrics.batches);
    text.histogram(
        "palabre_batch_commit_seconds",
        "Time to store a batch, waiting for a connection included",
        &metrics.commits,
    );
}

fn callers(text: &mut Exposition, chat: &Chat) {
    let metrics = &chat.metrics;
    let passwords = [("ok", metrics.passwords_right.get()), ("refused", metrics.passwords_wrong.get())];
    text.counters("palabre_sign_ins_total", "Passwords that were checked", "result", passwords);
    let answers = metrics.rest.each().map(|(class, count): (_, &Counter)| (class, count.get()));
    text.counters("palabre_rest_requests_total", "Answers of the REST API, by the class of status", "status", answers);
}

fn callbacks(text: &mut Exposition, chat: &Chat) {
    let metrics = &chat.metrics;
    let waiting = metrics.callbacks_waiting.get();
    text.gauge("palabre_callbacks_waiting", "Callbacks to apps not delivered yet, of all nodes", waiting);
    let ends = [
        ("delivered", metrics.callbacks_delivered.get()),
        ("failed", metrics.callbacks_failed.get()),
        ("expired", metrics.callbacks_expired.get()),
    ];
    text.counters("palabre_callbacks_total", "Tries to deliver callbacks, and callbacks given up", "result", ends);
}

fn models(text: &mut Exposition, chat: &Chat) {
    let (under_way, waiting) = chat.llm().map(|llm| llm.models.streams()).unwrap_or_default();
    text.gauge("palabre_llm_streams", "Answers of language models under way", under_way);
    text.gauge("palabre_llm_streams_waiting", "Answers that wait for their turn", waiting);
    let waiting = chat.quota.waiting();
    text.gauge("palabre_llm_quota_waiting", "Answers that wait for what others have reserved", waiting);
}

fn database(text: &mut Exposition, chat: &Chat) {
    let pool = chat.database.figures();
    text.gauge("palabre_database_connections_max", "Connections that the pool may open", pool.most);
    text.gauge("palabre_database_connections_open", "Connections that are open", pool.open);
    text.gauge("palabre_database_connections_in_use", "Connections that are lent", pool.in_use);
    text.gauge("palabre_database_waiting", "Requests that wait for a connection", pool.waiting);
    text.counter("palabre_database_timeouts_total", "Requests that waited in vain for a connection", pool.timeouts);
}

/// What is called the same for every program, so that common dashboards find it.
fn of_process(text: &mut Exposition, process: Process) {
    let Process { resident_bytes, cpu_seconds, open_files, most_files } = process;
    if let Some(bytes) = resident_bytes {
        text.gauge("process_resident_memory_bytes", "Memory in use", bytes);
    }
    if let Some(seconds) = cpu_seconds {
        text.counter("process_cpu_seconds_total", "Processor time used", seconds);
    }
    if let Some(open) = open_files {
        text.gauge("process_open_fds", "Files and sockets open", open);
    }
    if let Some(most) = most_files {
        text.gauge("process_max_fds", "Files and sockets that may be open", most);
    }
}
