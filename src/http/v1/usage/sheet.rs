//! A report as a table, for spreadsheets.

use crate::model::Failure;
use crate::store::usage::{Grouping, ReportRow};
use uuid::Uuid;

/// Writes the rows with a line of names above them.
///
/// # Errors
/// [`Failure::Internal`] if they can't be written.
pub fn write(rows: &[ReportRow], by: Grouping, currency: &str) -> Result<Vec<u8>, Failure> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let named = |wanted: bool, names: &'static [&'static str]| if wanted { names } else { &[] };
    let keys = [
        named(by.day, &["day"]),
        named(by.user, &["user", "username"]),
        named(by.chatbot, &["chatbot", "chatbot_name"]),
        named(by.model, &["model"]),
        named(by.conversation, &["conversation"]),
        &["calls", "input_tokens", "output_tokens", "money_millionths", "currency"],
    ];
    writer.write_record(keys.concat()).map_err(|_| Failure::Internal)?;
    for row in rows {
        writer.write_record(cells(row, by, currency)).map_err(|_| Failure::Internal)?;
    }
    writer.into_inner().map_err(|_| Failure::Internal)
}

fn cells(row: &ReportRow, by: Grouping, currency: &str) -> Vec<String> {
    let ReportRow { key, username, chatbot_name, calls, input_tokens, output_tokens, money } = row;
    let id = |id: Uuid| if id.is_nil() { String::new() } else { id.to_string() };
    let name = |name: &Option<String>| guarded(name.as_deref().unwrap_or_default());
    let mut cells = Vec::new();
    if by.day {
        cells.push(key.day.format("%Y-%m-%d").to_string());
    }
    if by.user {
        cells.extend([id(key.user), name(username)]);
    }
    if by.chatbot {
        cells.extend([id(key.chatbot), name(chatbot_name)]);
    }
    if by.model {
        cells.push(guarded(&key.model));
    }
    if by.conversation {
        cells.push(id(key.conversation));
    }
    cells.extend([calls, input_tokens, output_tokens, money].map(ToString::to_string));
    cells.push(currency.to_owned());
    cells
}

/// A text that no spreadsheet takes for a formula.
fn guarded(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if is_formula { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn formulas_are_texts() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(guarded(formula), format!("'{formula}"));
        }
        for text in ["", "alice", "a=b", "'=1"] {
            assert_eq!(guarded(text), text);
        }
    }

    proptest! {
        #[test]
        fn a_table_is_read_back_as_it_was_written(username in any::<String>(), model in any::<String>(), calls in 0..i64::MAX) {
            let key = crate::store::usage::Key {
                day: chrono::NaiveDate::MIN,
                user: Uuid::from_u128(1),
                chatbot: Uuid::nil(),
                model: model.clone(),
                conversation: Uuid::nil(),
            };
            let row = ReportRow {
                key, username: Some(username.clone()), chatbot_name: None, calls, input_tokens: 0, output_tokens: 0, money: 0,
            };
            let by = Grouping { user: true, model: true, ..Grouping::default() };
            let bytes = write(&[row], by, "EUR").unwrap();
            let mut reader = csv::Reader::from_reader(&bytes[..]);
            let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
            let found: Vec<&str> = rows[0].iter().collect();
            let (username, model, calls) = (guarded(&username), guarded(&model), calls.to_string());
            let id = Uuid::from_u128(1).to_string();
            prop_assert_eq!(found, [&id, &username, &model, &calls, "0", "0", "0", "EUR"]);
        }
    }
}
