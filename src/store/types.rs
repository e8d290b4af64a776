//! How the model's own types stand in columns: ids as `uuid`, words as `text`.
//!
//! The model knows nothing of Diesel, so what its derives would write stands here.

use crate::model::account::UserRole;
use crate::model::contact::Relation;
use crate::model::game;
use crate::model::permission::Permission;
use crate::model::presence::Choice;
use crate::model::quota::Level;
use crate::model::support;
use crate::model::words::UnknownWord;
use crate::model::{
    ChatbotId, ConversationId, MediaId, MessageId, OrganizationId, ProjectId, RequestId, SessionId, SupportSessionId,
    UserId,
};
use crate::wire::shapes::{ConversationKind, Ended, MessageKind, Mode, Role};
use diesel::deserialize::{self, FromSql, Queryable};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{Nullable, SingleValue, Text, Uuid as SqlUuid};
use uuid::Uuid;

/// What `#[derive(AsExpression, FromSqlRow)]` gives, for a type that goes into a column as a value of another.
macro_rules! stands_as {
    ($type:ty, $sql:ty, $repr:ty, $into:expr) => {
        impl AsExpression<$sql> for $type {
            type Expression = <$repr as AsExpression<$sql>>::Expression;

            fn as_expression(self) -> Self::Expression {
                <$repr as AsExpression<$sql>>::as_expression($into(&self))
            }
        }

        impl AsExpression<Nullable<$sql>> for $type {
            type Expression = <$repr as AsExpression<Nullable<$sql>>>::Expression;

            fn as_expression(self) -> Self::Expression {
                <$repr as AsExpression<Nullable<$sql>>>::as_expression($into(&self))
            }
        }

        impl AsExpression<$sql> for &$type {
            type Expression = <$repr as AsExpression<$sql>>::Expression;

            fn as_expression(self) -> Self::Expression {
                <$repr as AsExpression<$sql>>::as_expression($into(self))
            }
        }

        impl AsExpression<Nullable<$sql>> for &$type {
            type Expression = <$repr as AsExpression<Nullable<$sql>>>::Expression;

            fn as_expression(self) -> Self::Expression {
                <$repr as AsExpression<Nullable<$sql>>>::as_expression($into(self))
            }
        }

        impl ToSql<Nullable<$sql>, Pg> for $type {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                <Self as ToSql<$sql, Pg>>::to_sql(self, out)
            }
        }

        impl<ST> Queryable<ST, Pg> for $type
        where
            ST: SingleValue,
            Self: FromSql<ST, Pg>,
        {
            type Row = Self;

            fn build(row: Self) -> deserialize::Result<Self> {
                Ok(row)
            }
        }
    };
}

macro_rules! ids {
    ($($id:ident),* $(,)?) => {$(
        impl ToSql<SqlUuid, Pg> for $id {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                <Uuid as ToSql<SqlUuid, Pg>>::to_sql(&self.0, out)
            }
        }

        impl FromSql<SqlUuid, Pg> for $id {
            fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                <Uuid as FromSql<SqlUuid, Pg>>::from_sql(value).map(Self)
            }
        }

        stands_as!($id, SqlUuid, Uuid, |id: &$id| id.0);
    )*};
}

ids!(
    OrganizationId,
    ProjectId,
    UserId,
    SessionId,
    ConversationId,
    MessageId,
    ChatbotId,
    MediaId,
    RequestId,
    SupportSessionId,
);

/// An enum that its column holds by word: `as_str` and `FromStr` of the model's own.
macro_rules! words {
    ($($type:ty),* $(,)?) => {$(
        impl ToSql<Text, Pg> for $type {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                <str as ToSql<Text, Pg>>::to_sql(self.as_str(), out)
            }
        }

        impl FromSql<Text, Pg> for $type {
            fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                Ok(std::str::from_utf8(value.as_bytes())?.parse()?)
            }
        }

        stands_as!($type, Text, String, |value: &$type| value.as_str().to_owned());
    )*};
}

words!(
    Permission,
    game::State,
    Relation,
    Choice,
    UserRole,
    Level,
    support::Kind,
    support::Status,
    support::Priority,
    support::SessionStatus,
    support::AgentStatus,
    support::Step,
);

/// The same for enums that have no words of their own; these are as the check constraints of the migrations list them.
macro_rules! spelled {
    ($type:ty { $($variant:ident = $word:literal),* $(,)? }) => {
        impl Spelled for $type {
            fn word(&self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl ToSql<Text, Pg> for $type {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                <str as ToSql<Text, Pg>>::to_sql(self.word(), out)
            }
        }

        impl FromSql<Text, Pg> for $type {
            fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                match value.as_bytes() {
                    $(word if word == $word.as_bytes() => Ok(Self::$variant),)*
                    _ => Err(UnknownWord(stringify!($type)).into()),
                }
            }
        }

        stands_as!($type, Text, String, |value: &$type| value.word().to_owned());
    };
}

trait Spelled {
    fn word(&self) -> &'static str;
}

spelled!(ConversationKind { Private = "private", Group = "group", Assistant = "assistant", Support = "support" });
spelled!(Mode { Human = "human", Bot = "bot" });
spelled!(MessageKind { Text = "text", Game = "game", System = "system" });
spelled!(Ended { Stopped = "stopped", BrokenOff = "broken_off" });
spelled!(Role { User = "user", Assistant = "assistant" });
