//! Holds documents against JSON schemas, as far as our descriptions use them. A keyword that it does not know fails, so that nothing
//! passes unseen.

use chrono::DateTime;
use regex::Regex;
use serde_json::{Map, Value};
use uuid::Uuid;

/// Looks whether a value is what a schema of this document describes; where and how it is not.
pub fn check(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    match schema {
        Value::Bool(true) => Ok(()),
        Value::Object(schema) => Checker { document, schema, value }.check(),
        other => Err(format!("{other} is no schema")),
    }
}

struct Checker<'a> {
    document: &'a Value,
    schema: &'a Map<String, Value>,
    value: &'a Value,
}

impl Checker<'_> {
    fn check(&self) -> Result<(), String> {
        self.schema.iter().try_for_each(|(keyword, rule)| self.keyword(keyword, rule))
    }

    fn sub(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        check(self.document, schema, value).map_err(|problem| format!("{at}/{problem}"))
    }

    fn keyword(&self, keyword: &str, rule: &Value) -> Result<(), String> {
        let value = self.value;
        let refuse = || Err(format!(": {value} against {keyword} {rule}"));
        let choices = || rule.as_array().unwrap().iter().filter(|choice| check(self.document, choice, value).is_ok());
        let holds = match keyword {
            "$ref" => {
                let pointer = rule.as_str().unwrap().trim_start_matches('#');
                let target = self.document.pointer(pointer).unwrap_or_else(|| panic!("{rule} leads nowhere"));
                return check(self.document, target, value);
            }
            "type" => match rule {
                Value::Array(kinds) => kinds.iter().any(|kind| is(kind, value)),
                kind => is(kind, value),
            },
            "const" => value == rule,
            "enum" => rule.as_array().unwrap().contains(value),
            "anyOf" => choices().next().is_some(),
            "oneOf" => choices().count() == 1,
            "allOf" => choices().count() == rule.as_array().unwrap().len(),
            "required" => {
                let there = |name: &Value| value.get(name.as_str().unwrap()).is_some();
                !value.is_object() || rule.as_array().unwrap().iter().all(there)
            }
            "properties" => {
                let known = rule
                    .as_object()
                    .unwrap()
                    .iter()
                    .filter_map(|(name, schema)| Some((name, schema, value.get(name)?)));
                for (name, schema, member) in known {
                    self.sub(schema, member, name)?;
                }
                true
            }
            "additionalProperties" => {
                let known = self.schema.get("properties").and_then(Value::as_object);
                let is_other = |name: &String| known.is_none_or(|known| !known.contains_key(name));
                for (name, member) in value.as_object().into_iter().flatten().filter(|(name, _)| is_other(name)) {
                    if rule == &Value::Bool(false) {
                        return Err(format!("{name} is not described"));
                    }
                    self.sub(rule, member, name)?;
                }
                true
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.sub(rule, item, &index.to_string())?;
                }
                true
            }
            "minLength" => self.chars().is_none_or(|chars| chars >= rule.as_u64().unwrap()),
            "maxLength" => self.chars().is_none_or(|chars| chars <= rule.as_u64().unwrap()),
            "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
            "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= rule.as_u64().unwrap()),
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
            "pattern" => value.as_str().is_none_or(|text| Regex::new(rule.as_str().unwrap()).unwrap().is_match(text)),
            "format" => match (rule.as_str().unwrap(), value.as_str()) {
                ("uuid", Some(text)) => Uuid::try_parse(text).is_ok(),
                ("date", Some(text)) => text.len() == 10 && text.parse::<chrono::NaiveDate>().is_ok(),
                ("date-time", Some(text)) => DateTime::parse_from_rfc3339(text).is_ok(),
                ("int32" | "int64" | "double" | "password" | "uri", _) | (_, None) => true,
                (other, _) => panic!("the format {other} is not known here"),
            },
            "propertyNames" => rule == &serde_json::json!({ "type": "string" }),
            "description" | "title" | "default" | "example" | "examples" | "contentEncoding" => true,
            other => panic!("the keyword {other} is not known here"),
        };
        if holds { Ok(()) } else { refuse() }
    }

    fn chars(&self) -> Option<u64> {
        self.value.as_str().map(|text| text.chars().count() as u64)
    }
}

fn is(kind: &Value, value: &Value) -> bool {
    match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("{other} is no type"),
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use serde_json::{Value, json};

    #[test]
    fn what_does_not_fit_is_named() {
        let document = json!({ "n": { "type": "integer", "minimum": 1 } });
        let schema = json!({
            "type": "object",
            "required": ["a"],
            "properties": { "a": { "$ref": "#/n" }, "b": { "type": ["string", "null"], "pattern": "^x" } },
            "additionalProperties": false,
        });
        let fits = |value: Value| check(&document, &schema, &value).is_ok();
        assert!(fits(json!({ "a": 1 })) && fits(json!({ "a": 2, "b": "xy" })) && fits(json!({ "a": 2, "b": null })));
        for bad in
            [json!({}), json!({ "a": 0 }), json!({ "a": 1.5 }), json!({ "a": 1, "b": "y" }), json!({ "a": 1, "c": 1 })]
        {
            assert!(!fits(bad.clone()), "{bad}");
        }
    }
}
