//! YAML, read so that a name that stands twice in a mapping is one fault among others, not the end.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_yaml::{Mapping, Value};

/// Reads a text: what stands in it, and the paths of what stands there more than once. Of these the
/// first one counts.
pub(super) fn read(text: &str) -> Result<(Value, Vec<Vec<String>>), serde_yaml::Error> {
    let mut twice = Vec::new();
    let value = match serde_yaml::from_str::<Option<Node>>(text)? {
        Some(node) => node.into_value(&mut Vec::new(), &mut twice),
        None => Value::Null,
    };
    Ok((value, twice))
}

/// A value whose mappings are as they were written.
enum Node {
    Mapping(Vec<(Value, Self)>),
    Sequence(Vec<Self>),
    Scalar(Value),
}

impl Node {
    fn into_value(self, path: &mut Vec<String>, twice: &mut Vec<Vec<String>>) -> Value {
        match self {
            Self::Scalar(value) => value,
            Self::Sequence(nodes) => nodes.into_iter().map(|node| node.into_value(path, twice)).collect(),
            Self::Mapping(members) => {
                let mut mapping = Mapping::new();
                for (name, node) in members {
                    path.push(name.as_str().map_or_else(|| format!("{name:?}"), str::to_owned));
                    let value = node.into_value(path, twice);
                    match mapping.contains_key(&name) {
                        true => twice.push(path.clone()),
                        false => drop(mapping.insert(name, value)),
                    }
                    path.pop();
                }
                mapping.into()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("plain YAML")
    }
    fn visit_bool<E>(self, flag: bool) -> Result<Node, E> {
        Ok(Node::Scalar(flag.into()))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Scalar(number.into()))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Scalar(number.into()))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Node, E> {
        Ok(Node::Scalar(number.into()))
    }
    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Scalar(text.into()))
    }
    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = elements.next_element()? {
            nodes.push(node);
        }
        Ok(Node::Sequence(nodes))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(member) = members.next_entry()? {
            nodes.push(member);
        }
        Ok(Node::Mapping(nodes))
    }
}
