//! One answer of a model: its time limits, and another try where that may help.

use super::provider::{Delta, Deltas, ModelError, Prompt, Provider, Wait};
use super::queue::Place;
use futures_util::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};

/// Further tries after the first.
const TRIES: u32 = 2;
/// The pause before the first further try, where the provider names none; each later one is twice as long.
const PAUSE: Duration = Duration::from_millis(500);
/// After the first failure an answer has begun within this time, or there is none.
const AFTER_FAILURE: Duration = Duration::from_secs(14);

/// How long a model may take.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Until it says something.
    pub first: Duration,
    /// Until it says more.
    pub next: Duration,
    /// For all of it.
    pub whole: Duration,
}

/// An answer under way. Dropped, it ends the request.
pub struct Call {
    provider: Arc<dyn Provider>,
    prompt: Prompt,
    times: Times,
    deltas: Option<Deltas>,
    /// When the present try began, or something came last.
    since: Instant,
    begun: Instant,
    failed_at: Option<Instant>,
    tries: u32,
    said: bool,
    over: bool,
    _place: Place,
}

impl Call {
    /// An answer that begins when it is first asked for.
    #[must_use]
    pub fn new(provider: Arc<dyn Provider>, prompt: Prompt, times: Times, place: Place) -> Self {
        let now = Instant::now();
        Self {
            provider,
            prompt,
            times,
            deltas: None,
            since: now,
            begun: now,
            failed_at: None,
            tries: 0,
            said: false,
            over: false,
            _place: place,
        }
    }

    /// What the model says next; `None` after its end, or after an error. Safe to drop and ask again.
    pub async fn next(&mut self) -> Option<Result<Delta, ModelError>> {
        if self.over {
            return None;
        }
        loop {
            let came = self.wait().await;
            match came {
                Ok(Some(delta)) => {
                    self.said = true;
                    self.since = Instant::now();
                    self.over = matches!(delta, Delta::End { .. });
                    return Some(Ok(delta));
                }
                Ok(None) => return self.fail(ModelError::BrokenOff),
                Err(error) => {
                    self.deltas = None;
                    let Some(again_at) = self.again_at(&error) else { return self.fail(error) };
                    self.tries += 1;
                    self.since = again_at;
                }
            }
        }
    }

    /// When the first try failed, if one did.
    #[must_use]
    pub fn failed_at(&self) -> Option<Instant> {
        self.failed_at
    }

    /// The next delta of the present try, which is begun if need be.
    async fn wait(&mut self) -> Result<Option<Delta>, ModelError> {
        let deltas = match &mut self.deltas {
            Some(deltas) => deltas,
            None => {
                sleep_until(self.since).await;
                self.deltas.insert(self.provider.ask(&self.prompt))
            }
        };
        let (limit, wait) = if self.said {
            (self.since + self.times.next, Wait::NextToken)
        } else {
            let first = self.since + self.times.first;
            (self.failed_at.map_or(first, |at| first.min(at + AFTER_FAILURE)), Wait::FirstToken)
        };
        let whole = self.begun + self.times.whole;
        match timeout_at(limit.min(whole), deltas.next()).await {
            Ok(came) => came.transpose(),
            Err(_) if whole <= limit => Err(ModelError::Late(Wait::Whole)),
            Err(_) => Err(ModelError::Late(wait)),
        }
    }

    /// When to try again, if at all.
    fn again_at(&mut self, error: &ModelError) -> Option<Instant> {
        let now = Instant::now();
        let wish = error.retry()?;
        if self.said || self.tries >= TRIES {
            return None;
        }
        let deadline = *self.failed_at.get_or_insert(now) + AFTER_FAILURE;
        let at = now + wish.unwrap_or(PAUSE * 2_u32.pow(self.tries));
        (at < deadline).then_some(at)
    }

    fn fail(&mut self, error: ModelError) -> Option<Result<Delta, ModelError>> {
        self.over = true;
        self.deltas = None;
        Some(Err(error))
    }
}

#[cfg(test)]
mod tests {
    use super::super::queue::Queue;
    use super::*;
    use crate::model::ProjectId;
    use futures_util::stream;
    use std::collections::VecDeque;
    use std::sync::Mutex;

    type Try = Vec<(u64, Result<Delta, ModelError>)>;

    /// Says what it is told to, each after so many milliseconds, a list a try; a list that ends without an end hangs.
    struct Script(Mutex<VecDeque<Try>>);

    impl Provider for Script {
        fn ask(&self, _: &Prompt) -> Deltas {
            let next = self.0.lock().unwrap().pop_front().expect("asked too often");
            let said = stream::iter(next).then(async |(millis, delta)| {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                delta
            });
            said.chain(stream::pending()).boxed()
        }
    }

    fn text(text: &str) -> Result<Delta, ModelError> {
        Ok(Delta::Text(text.to_owned()))
    }

    const END: Result<Delta, ModelError> = Ok(Delta::End { usage: None });
    const DOWN: Result<Delta, ModelError> = Err(ModelError::Down { status: 500, retry_after: None });

    /// All that comes of these tries, and after how many seconds.
    async fn run(tries: Vec<Try>) -> (Vec<Result<Delta, ModelError>>, u64) {
        let script = Arc::new(Script(Mutex::new(tries.into())));
        let seconds = Duration::from_secs;
        let times = Times { first: seconds(10), next: seconds(5), whole: seconds(30) };
        let place = Queue::new(1, 1).enter(ProjectId::random()).await.unwrap();
        let begun = Instant::now();
        let mut call = Call::new(script, Prompt::default(), times, place);
        let mut all = Vec::new();
        while let Some(delta) = call.next().await {
            all.push(delta);
        }
        (all, begun.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_comes_to_its_end() {
        let (all, _) = run(vec![vec![(100, text("a")), (100, text("b")), (0, END)]]).await;
        assert_eq!(all, [text("a"), text("b"), END]);
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_two_more_tries_and_no_third() {
        let (all, seconds) = run(vec![vec![(0, DOWN)], vec![(0, DOWN)], vec![(0, text("a")), (0, END)]]).await;
        assert_eq!((all, seconds), (vec![text("a"), END], 1));
        let (all, _) = run(vec![vec![(0, DOWN)], vec![(0, DOWN)], vec![(0, DOWN)]]).await;
        assert_eq!(all, [DOWN]);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_tried_again_once_something_was_said() {
        assert_eq!(run(vec![vec![(0, text("a")), (0, DOWN)]]).await.0, [text("a"), DOWN]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_will_not_help_is_not_tried() {
        for error in [ModelError::Refused { status: 401 }, ModelError::Unreachable, ModelError::Garbled] {
            assert_eq!(run(vec![vec![(0, Err(error.clone()))]]).await.0, [Err(error)]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_provider_says_when_to_come_back() {
        let busy = |seconds| Err(ModelError::Busy { retry_after: Some(Duration::from_secs(seconds)) });
        let (all, seconds) = run(vec![vec![(0, busy(7))], vec![(0, text("a")), (0, END)]]).await;
        assert_eq!((all, seconds), (vec![text("a"), END], 7));
        // Not if that is too late.
        assert_eq!(run(vec![vec![(0, busy(60))]]).await, (vec![busy(60)], 0));
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_an_end_to_every_wait() {
        let late = |wait| Err(ModelError::Late(wait));
        assert_eq!(run(vec![vec![]]).await, (vec![late(Wait::FirstToken)], 10));
        assert_eq!(run(vec![vec![(0, text("a"))]]).await, (vec![text("a"), late(Wait::NextToken)], 5));
        let slow = vec![(4_000, text("a")); 20];
        assert_eq!(run(vec![slow]).await.1, 30);
        // After a failure there is an answer, or an error, within 15 seconds.
        assert_eq!(run(vec![vec![(9_000, DOWN)], vec![(9_000, DOWN)], vec![]]).await.1, 9 + 14);
    }
}
