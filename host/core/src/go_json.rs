//! Structs that are decoded as Go's `encoding/json` decodes them: [`go_object!`](crate::go_object) declares one.
//!
//! Kubernetes is written in Go, and clients of its API may write what Go reads: `null` where a field is absent, keys in
//! any case, a key twice (the last one counts; a null changes nothing). serde's derived code refuses all three. Unknown
//! keys are skipped without being allocated.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Visitor};

/// A key of an object.
pub struct Key<'de>(Cow<'de, str>);

impl Key<'_> {
    /// Whether Go takes it for the field `name`: by simple case folding, as `encoding/json` compares keys.
    #[inline]
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        let key = &*self.0;
        key == name || key.eq_ignore_ascii_case(name) || (!key.is_ascii() && folds_to(key, name))
    }
}

/// Two letters outside ASCII fold to letters inside it: the long s and the Kelvin sign.
#[cold]
fn folds_to(key: &str, name: &str) -> bool {
    let folded = key.chars().map(|letter| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    });
    folded.eq(name.chars().map(|letter| letter.to_ascii_lowercase()))
}

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(|Text(text)| Self(text))
    }
}

/// A text that is borrowed where it can be: `Cow` on its own always copies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowed;
        impl<'de> Visitor<'de> for Borrowed {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        deserializer.deserialize_str(Borrowed).map(Self)
    }
}

impl<'de> From<Text<'de>> for Cow<'de, str> {
    fn from(text: Text<'de>) -> Self {
        text.0
    }
}

/// Declares a struct with `Deserialize` as Go decodes it: each field has its key, and may name the type that is read in
/// its place and converted with `into()`.
///
/// ```
/// netmarks_core::go_object! {
///     /// An owner.
///     #[derive(Debug, PartialEq)]
///     pub struct Owner {
///         pub kind: String = "kind",
///         pub controller: bool = "controller",
///     }
/// }
/// let owner: Owner = serde_json::from_str(r#"{"Kind":"Job","kind":"Pod","controller":null,"uid":[7]}"#).unwrap();
/// assert_eq!(owner, Owner { kind: "Pod".into(), controller: false });
/// assert_eq!(serde_json::from_str::<Owner>("null").unwrap(), Owner::default());
/// ```
#[macro_export]
macro_rules! go_object {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident $(<$life:lifetime>)? {
            $($(#[$field_meta:meta])* $field_vis:vis $field:ident : $type:ty $(as $read:ty)? = $key:literal),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Default)]
        $vis struct $name $(<$life>)? {
            $($(#[$field_meta])* $field_vis $field: $type,)*
        }

        impl<'de $(: $life, $life)?> ::serde::Deserialize<'de> for $name $(<$life>)? {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                struct Fields<T>(::std::marker::PhantomData<T>);

                impl<'de $(: $life, $life)?> ::serde::de::Visitor<'de> for Fields<$name $(<$life>)?> {
                    type Value = $name $(<$life>)?;

                    fn expecting(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_unit<E>(self) -> ::std::result::Result<Self::Value, E> {
                        Ok(Self::Value::default())
                    }

                    fn visit_map<A: ::serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> ::std::result::Result<Self::Value, A::Error> {
                        let mut object = Self::Value::default();
                        while let Some(key) = map.next_key::<$crate::go_json::Key<'_>>()? {
                            $(if key.is($key) {
                                if let Some(value) = map.next_value::<Option<$crate::go_object!(@read $type $(as $read)?)>>()? {
                                    object.$field = value.into();
                                }
                                continue;
                            })*
                            map.next_value::<::serde::de::IgnoredAny>()?;
                        }
                        Ok(object)
                    }
                }

                deserializer.deserialize_any(Fields(::std::marker::PhantomData))
            }
        }
    };
    (@read $type:ty as $read:ty) => { $read };
    (@read $type:ty) => { $type };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_compared_as_go_compares_them() {
        for key in ["kind", "Kind", "KIND", "\u{212a}ind"] {
            assert!(Key(key.into()).is("kind"), "{key}");
        }
        assert!(Key("re\u{17f}ource\u{17f}".into()).is("resources"));
        for key in ["kin", "kinds", "k\u{131}nd", "kïnd", ""] {
            assert!(!Key(key.into()).is("kind"), "{key}");
        }
    }

    crate::go_object! {
        #[derive(Debug, PartialEq)]
        struct Inner<'a> {
            text: Cow<'a, str> as Text<'a> = "text",
            list: Vec<u8> = "list",
        }
    }

    #[test]
    fn null_is_absent_and_the_last_of_two_counts() {
        let read = |text: &'static str| serde_json::from_str::<Inner<'_>>(text);
        let expected = Inner { text: "b".into(), list: vec![1] };
        assert_eq!(
            read(r#"{"text":"a","other":{"text":"c"},"list":null,"TEXT":"b","list":[1],"list":null}"#)
                .unwrap(),
            expected
        );
        let Cow::Borrowed(_) = read(r#"{"text":"plain"}"#).unwrap().text else { panic!("it was copied") };
        assert_eq!(read(r#"{"text":"\u0062","list":[1]}"#).unwrap(), expected);
        assert!(read(r#"{"text":7}"#).unwrap_err().to_string().contains("expected a string"));
        assert!(read("[]").unwrap_err().to_string().contains("expected an object"));
    }
}
