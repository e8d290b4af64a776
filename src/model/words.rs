//! Enums that are kept in the database as words.

/// A word that stands for no value of the type it was read as: a row that a newer or a foreign program wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a word for {0}")]
pub struct UnknownWord(
    /// The type it was read as.
    pub &'static str,
);

/// Gives enums `as_str` and the `FromStr` that undoes it, each from one list. Once a module.
macro_rules! words {
    ($($name:ident { $($variant:ident => $word:literal),+ $(,)? })+) => {
        $(
            impl $name {
                /// The word for it in the database.
                #[must_use]
                pub const fn as_str(self) -> &'static str {
                    match self {
                        $(Self::$variant => $word,)+
                    }
                }
            }

            impl std::str::FromStr for $name {
                type Err = $crate::model::words::UnknownWord;

                fn from_str(word: &str) -> Result<Self, Self::Err> {
                    match word {
                        $($word => Ok(Self::$variant),)+
                        _ => Err($crate::model::words::UnknownWord(stringify!($name))),
                    }
                }
            }
        )+

        #[cfg(test)]
        #[test]
        fn each_word_reads_back_as_what_it_was_written_for() {
            $(
                $(assert_eq!($word.parse(), Ok($name::$variant));)+
                assert!("".parse::<$name>().is_err());
            )+
        }
    };
}

pub(super) use words;
