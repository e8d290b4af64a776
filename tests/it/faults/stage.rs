//! A group on a server: people who talk, and one who only listens, while a test lets something fail.

use super::link::Link;
use super::talk::{Listener, Scene, Talker, check};
use crate::support::project::{Project, TestUser};
use crate::support::server::TestServer;
use palabre::model::ConversationId;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::task::JoinHandle;

/// Messages that are confirmed between two failures.
const BETWEEN: usize = 40;

/// Three people who talk in a group and one who only listens.
pub struct Stage {
    pub server: TestServer,
    pub project: Project,
    pub scene: Arc<Scene>,
    people: [TestUser; 4],
    conversation: String,
    talkers: Vec<JoinHandle<Talker>>,
    listener: JoinHandle<Listener>,
}

impl Stage {
    /// They begin to talk on this server.
    pub async fn on(server: TestServer) -> Self {
        let project = server.project("stage").await;
        let people = project.users(["ann", "ben", "cleo", "listener"]).await;
        let conversation = project.group_of(&people.each_ref()).await;
        let (scene, address) = (Arc::new(Scene::default()), server.addresses.tcp);
        let [talking @ .., listening] = &people;
        let listener = Listener::new("stage", &listening.token, &conversation);
        let listener = tokio::spawn(listener.listen(Arc::clone(&scene), move || address));
        let talk = |user: &TestUser| {
            let talker = Talker::new(&user.username, "stage", &user.token, &conversation);
            tokio::spawn(talker.talk(Arc::clone(&scene), move || address))
        };
        let talkers = talking.iter().map(talk).collect();
        Self { server, project, scene, people, conversation, talkers, listener }
    }

    /// The group.
    pub fn id(&self) -> ConversationId {
        self.conversation.parse().unwrap()
    }

    /// Lets something fail so often while they talk.
    pub async fn while_talking(&self, times: usize, mut fail: impl AsyncFnMut()) {
        for _ in 0..times {
            self.scene.confirms(BETWEEN).await;
            fail().await;
        }
        self.scene.confirms(BETWEEN).await;
    }

    /// Lets everyone finish, and checks what must hold; the talkers and the listener, for what a test wants to know besides.
    pub async fn finish(self) -> (Vec<Talker>, Listener) {
        self.scene.enough.store(true, Ordering::SeqCst);
        let mut done = Vec::new();
        for talker in self.talkers {
            done.push(talker.await.unwrap());
        }
        let tcp = self.server.addresses.tcp.unwrap();
        let (mut link, _) = Link::sign_in(tcp, "stage", &self.people[0].token).await.unwrap();
        let last = check(&mut link, &self.conversation, &done, 0).await;
        self.scene.last.store(last, Ordering::SeqCst);
        (done, self.listener.await.unwrap())
    }
}
