//! One answer of a model, whole: nobody hears pieces of it.

use super::super::Chat;
use super::{File, Question};
use crate::assistant::context::{self, Places, Said};
use crate::assistant::provider::{Delta, ModelError, Passage, Prompt, Wait};
use crate::assistant::quota::{self, Reservation};
use crate::assistant::{Models, call};
use crate::model::limits::{BODY_BYTES, BODY_CHARS};
use crate::model::{Failure, Usage};
use crate::store::chatbots;
use crate::store::exchanges::turns::{Begun, Party};
use crate::wire::shapes::Role;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Passages of attachments that the model is told.
const PASSAGES: i64 = 4;
/// After the first failure the whole answer has come within this time, or there is none.
const AFTER_FAILURE: Duration = Duration::from_millis(14_500);
/// How often is looked whether that is over.
const LOOK: Duration = Duration::from_millis(250);

/// The answer, what it took, and what was kept of the quotas for it.
pub type Complete = (String, Usage, Reservation);

/// Asks the bot's model.
///
/// # Errors
/// Those of the quotas and of the model. What was reserved is given back.
pub async fn answer(chat: &Chat, question: &Question, begun: &Begun) -> Result<Complete, Failure> {
    let models = &chat.llm().ok_or(Failure::Unavailable)?.models;
    let mut prompt = prompt(chat, models, question, begun).await?;
    let told = prompt.characters();
    let reservation = chat.quota.reserve(as_call(models, question, begun, &prompt)).await?;
    prompt.settings.output_tokens = u32::try_from(reservation.output_tokens()).unwrap_or(u32::MAX);
    let said = match models.ask(question.seat.project, prompt).await {
        Ok(call) => collect(call).await,
        Err(error) => Err(error),
    };
    match said {
        Ok((body, usage)) => {
            let said = u64::try_from(body.chars().count()).unwrap_or(u64::MAX);
            Ok((body, usage.unwrap_or(Usage::estimate(told, said)), reservation))
        }
        Err(error) => {
            log::info!(target: "palabre::bots", "a model did not answer: {error}");
            let _ = reservation.release().await;
            Err(error.into())
        }
    }
}

fn as_call(models: &Models, question: &Question, begun: &Begun, prompt: &Prompt) -> quota::Call {
    let user = match question.seat.party {
        Party::Person(user) => Some(user),
        Party::Instance(_) => None,
    };
    let price = models.price(&prompt.model);
    quota::Call {
        project: question.seat.project,
        user,
        conversation: Some(question.seat.conversation),
        chatbot: Some(begun.chatbot),
        model: prompt.model.clone(),
        wish: quota::wish(prompt.characters(), u64::from(prompt.settings.output_tokens), price),
    }
}

/// What the model is told: instructions, what was found, all of the memory, and the question with its files.
async fn prompt(chat: &Chat, models: &Models, question: &Question, begun: &Begun) -> Result<Prompt, Failure> {
    let find = async |conn: &mut _| Ok(chatbots::find_passages(conn, begun.chatbot, &question.text, PASSAGES).await?);
    let passages = chat.run(find).await?;
    let places = Places { now: chat.now(), user: &question.asker, project: &begun.project_name };
    let memory = begun.memory.iter().cloned().map(|(role, by, text)| Said { role, by, text });
    let asked =
        Said { role: Role::User, by: question.asker.clone(), text: with_files(&question.text, &question.files) };
    let said: Vec<Said> = memory.chain([asked]).collect();
    Ok(Prompt {
        model: models.in_place_of(&begun.llm),
        system: context::fill(&begun.prompt, places),
        passages: passages.into_iter().map(|(source, text)| Passage { source, text }).collect(),
        turns: context::turns(&said, u32::MAX, false),
        settings: models.answers(),
    })
}

/// The question with the texts that came along.
fn with_files(text: &str, files: &[File]) -> String {
    let mut all = text.to_owned();
    for File { name, text } in files {
        // A name can't be taken for the beginning of anything else.
        let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        all.push_str(&format!("\n\n[{name}]\n{text}"));
    }
    all
}

/// All that a model says.
async fn collect(mut call: call::Call) -> Result<(String, Option<Usage>), ModelError> {
    let (mut body, mut characters) = (String::new(), 0);
    loop {
        let next = timeout(LOOK, call.next()).await;
        // However much still comes: a model may drip for minutes.
        if call.failed_at().is_some_and(|at| Instant::now() >= at + AFTER_FAILURE) {
            return Err(ModelError::Late(Wait::Whole));
        }
        let Ok(next) = next else { continue };
        match next.unwrap_or(Err(ModelError::BrokenOff))? {
            Delta::Text(text) => {
                for c in text.chars().filter(|c| *c != '\0') {
                    characters += 1;
                    if characters > BODY_CHARS || body.len() + c.len_utf8() > BODY_BYTES {
                        return Err(ModelError::TooLarge);
                    }
                    body.push(c);
                }
            }
            Delta::ToolCall(_) => {}
            // Nothing said is no answer.
            Delta::End { .. } if body.trim().is_empty() => return Err(ModelError::BrokenOff),
            Delta::End { usage } => return Ok((body, usage)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_after_the_question() {
        let file = |name: &str, text: &str| File { name: name.to_owned(), text: text.to_owned() };
        assert_eq!(with_files("Look.", &[]), "Look.");
        let files = [file("a.log", "one"), file("b\n.log", "two")];
        assert_eq!(with_files("Look.", &files), "Look.\n\n[a.log]\none\n\n[b .log]\ntwo");
    }
}
