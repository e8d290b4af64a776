//! Schemas as documents describe the API with them, made from the types themselves: what the derive can't know is said here, once for
//! all of them. Nothing that is sent holds `null` where it may be left out, and nothing is sent that is not described.

use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

/// Where the documents keep their schemas, as references to them begin.
pub const COMPONENTS: &str = "#/components/schemas/";

/// The named schemas of a document.
pub type Schemas = Map<String, Value>;

/// A type's schema and, beside it, all that it refers to.
#[must_use]
pub fn of<T: ToSchema>() -> (Value, Schemas) {
    let mut named: Vec<(String, RefOr<Schema>)> = Vec::new();
    T::schemas(&mut named);
    (value(&T::schema()), named.into_iter().map(|(name, schema)| (name, value(&schema))).collect())
}

/// A reference to a schema of this name.
#[must_use]
pub fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{COMPONENTS}{name}") })
}

fn value(schema: &RefOr<Schema>) -> Value {
    // It is made of strings and numbers, which JSON can say.
    serde_json::to_value(schema).unwrap_or_default()
}

/// The names of all schemas that a part of a document refers to, directly or through others.
#[must_use]
pub fn reachable<'a>(from: impl IntoIterator<Item = &'a Value>, schemas: &Schemas) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    let mut open: Vec<String> = Vec::new();
    for part in from {
        references(part, &mut open);
    }
    while let Some(name) = open.pop() {
        if let Some(schema) = schemas.get(&name)
            && known.insert(name)
        {
            references(schema, &mut open);
        }
    }
    known
}

fn references(part: &Value, found: &mut Vec<String>) {
    match part {
        Value::Object(members) => {
            for (key, member) in members {
                match member.as_str() {
                    Some(target) if key == "$ref" => found.extend(target.strip_prefix(COMPONENTS).map(str::to_owned)),
                    _ => references(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// Makes the schemas of these names say what the server sends and nothing else.
pub fn seal(schemas: &mut Schemas, sent: &BTreeSet<String>) {
    for name in sent {
        if let Some(mut schema) = schemas.get(name).cloned() {
            flatten_all(&mut schema, schemas);
            seal_one(&mut schema);
            schemas.insert(name.clone(), schema);
        }
    }
}

/// Lists hold the schema of their items themselves.
fn flatten_all(schema: &mut Value, schemas: &Schemas) {
    *schema = flatten(schema, schemas);
    match schema {
        Value::Object(members) => members.iter_mut().for_each(|(_, member)| flatten_all(member, schemas)),
        Value::Array(items) => items.iter_mut().for_each(|item| flatten_all(item, schemas)),
        _ => {}
    }
}

/// An object whose fields come from several schemas (`serde(flatten)`) becomes one: it can't be sealed in parts. Of a part that may
/// be absent no field is required.
fn flatten(schema: &Value, schemas: &Schemas) -> Value {
    let Some(parts) = schema.get("allOf").and_then(Value::as_array) else { return schema.clone() };
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for part in parts {
        let is_optional = part.get("oneOf").is_some();
        let part = part.get("oneOf").and_then(|choices| choices.get(0)).unwrap_or(part);
        let named = part.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix(COMPONENTS));
        let part = flatten(named.and_then(|name| schemas.get(name)).unwrap_or(part), schemas);
        properties.extend(part.get("properties").and_then(Value::as_object).cloned().unwrap_or_default());
        if !is_optional {
            required.extend(part.get("required").and_then(Value::as_array).cloned().unwrap_or_default());
        }
    }
    let mut whole = json!({ "type": "object", "required": required, "properties": properties });
    if let (Some(whole), Some(description)) = (whole.as_object_mut(), schema.get("description")) {
        whole.insert("description".to_owned(), description.clone());
    }
    whole
}

fn seal_one(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            let required: BTreeSet<String> = texts(members.get("required")).collect();
            if let Some(Value::Object(properties)) = members.get_mut("properties") {
                for (name, property) in properties.iter_mut() {
                    if !required.contains(name) {
                        never_null(property);
                    }
                }
                members.entry("additionalProperties").or_insert(Value::Bool(false));
            }
            members.iter_mut().filter(|(key, _)| *key != "example").for_each(|(_, member)| seal_one(member));
        }
        Value::Array(items) => items.iter_mut().for_each(seal_one),
        _ => {}
    }
}

/// Fields that go together in a request: those that it must have, and those that it may.
pub type Form = (&'static [&'static str], &'static [&'static str]);

/// An object whose fields go together in several ways only.
#[must_use]
pub fn in_forms(whole: &Value, forms: &[Form]) -> Value {
    let one = |(required, optional): &Form| {
        let field = |name: &&str| {
            let mut field = whole.get("properties")?.get(*name)?.clone();
            if required.contains(name) {
                never_null(&mut field);
            }
            Some(((*name).to_owned(), field))
        };
        let properties: Map<String, Value> = required.iter().chain(*optional).filter_map(field).collect();
        json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
    };
    let mut whole_again = json!({ "anyOf": forms.iter().map(one).collect::<Vec<_>>() });
    if let (Some(members), Some(description)) = (whole_again.as_object_mut(), whole.get("description")) {
        members.insert("description".to_owned(), description.clone());
    }
    whole_again
}

/// Takes `null` out of what a schema allows.
fn never_null(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = members.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            members.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = members.get_mut("oneOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            members.remove("oneOf");
            members.extend(only);
        }
    }
}

/// The strings in a list.
pub fn texts(list: Option<&Value>) -> impl Iterator<Item = String> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::shapes::{Conversation, Member};

    #[test]
    fn what_is_sent_is_described_without_null_and_sealed() {
        let (schema, mut schemas) = of::<Conversation>();
        schemas.insert("Conversation".to_owned(), schema);
        let sent = reachable([&reference("Conversation")], &schemas);
        assert!(sent.contains("Own") && sent.contains("Message") && sent.contains("GameState"), "{sent:?}");
        seal(&mut schemas, &sent);
        let sealed = &schemas["Conversation"];
        assert_eq!(sealed["additionalProperties"], false);
        assert_eq!(sealed["properties"]["name"]["type"], "string");
        assert_eq!(sealed["properties"]["last_message"], reference("Message"));
        assert!(sealed["properties"]["unread"].is_object());
        let required: Vec<_> = texts(sealed.get("required")).collect();
        assert!(required.contains(&"last_seq".to_owned()) && !required.contains(&"unread".to_owned()), "{required:?}");
        assert_eq!(schemas["Attachment"]["properties"]["width"]["type"], "integer");
    }

    #[test]
    fn what_is_not_sent_stays_as_it_is() {
        let (schema, mut schemas) = of::<Member>();
        let before = schema.clone();
        schemas.insert("Member".to_owned(), schema);
        seal(&mut schemas, &BTreeSet::new());
        assert_eq!(schemas["Member"], before);
    }
}
