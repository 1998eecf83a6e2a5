//! What a handler writes the present state on, and what is remembered of it from one read to the next.

use std::{
    collections::{BTreeMap, BTreeSet},
    marker::PhantomData,
    sync::Arc,
};

use hashbrown::{HashMap, HashSet};
use schemars::JsonSchema;

use super::change::{Change, Changes, ItemId, Told};
use crate::{
    cache::{Fields, Found, Json, Stored, View},
    protocol::{ErrorCode, Result, Warning},
};

/// How many elements of a list are looked at where it is not known which are new.
const MOST_LISTED: u32 = 10_000;

/// How many of a list's elements a stream begins with at the most.
const MOST_IN_SNAPSHOT: u32 = 1000;

/// How many entries of a log one read tells at the most: of more the older ones are forgotten, or missed.
const MOST_TOLD: usize = 10_000;

/// The group of what concerns no item; no item's group is named so.
const NO_GROUP: &str = "*";

/// A message of the writer's channel.
pub(crate) struct Said {
    /// What stands in the slots of the channel's pattern, in their order.
    pub(crate) slots: Vec<(String, String)>,
    pub(crate) payload: Stored,
}

/// What is remembered of a topic from one read to the next.
#[derive(Default)]
pub(crate) struct Sheet {
    items: HashMap<ItemId, Known>,
    /// What was warned of at the last complete read that concerns no single item.
    warned: HashMap<ItemId, Vec<Warning>>,
    /// The groups of which all that is stored was corrupt at the last read, and those that are so at this one.
    corrupt: HashSet<Arc<str>>,
    corrupt_now: HashSet<Arc<str>>,
    lists: HashMap<String, Cursor>,
    round: u64,
    /// Whether a read was ever complete.
    has_been_read: bool,
    changes: Changes,
    wanted: Option<BTreeSet<Arc<str>>>,
    /// The keys that changed since the last read; None: any may have.
    only: Option<BTreeSet<String>>,
}

/// An item as it was stored when it was last looked at.
struct Known {
    stored: Box<[u8]>,
    round: u64,
    is_corrupt: bool,
}

/// How far a list has been read.
#[derive(Default)]
struct Cursor {
    /// How many elements it had, where that is known.
    length: Option<usize>,
    /// The last of them.
    last: Option<Stored>,
}

impl Sheet {
    /// Begins a read: for some groups alone, or for all; where lists are long to read, of some keys alone.
    pub(super) fn begin(&mut self, wanted: Option<BTreeSet<Arc<str>>>, only: Option<BTreeSet<String>>) {
        self.round += 1;
        self.only = only;
        self.wanted = wanted;
        self.changes = Changes::default();
    }

    /// How many items it has.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Takes in what a read had to leave out, of no single item. Of what was so before nobody is told again.
    pub(crate) fn warn(&mut self, warnings: Vec<Warning>, is_complete: bool) {
        let mut now: BTreeMap<Arc<str>, Vec<Warning>> = BTreeMap::new();
        for warning in warnings {
            let of = now.entry(warning.item.as_deref().unwrap_or_default().into()).or_default();
            if !of.contains(&warning) {
                of.push(warning);
            }
        }
        let mut before = std::mem::take(&mut self.warned);
        for (key, warnings) in now {
            let id = ItemId { group: NO_GROUP.into(), key };
            if before.remove(&id).as_ref() != Some(&warnings) {
                let told = Told::Corrupt(warnings.clone());
                self.changes.items.push(Change { id: id.clone(), owner: None, told });
            }
            self.warned.insert(id, warnings);
        }
        // A read of some keys says nothing of the others.
        match is_complete && self.only.is_none() {
            true => self.changes.removed.extend(before.into_keys()),
            false => self.warned.extend(before),
        }
    }

    /// What the read brought. What was not seen in it is gone, unless it has failed or cannot be read.
    pub(super) fn finish(&mut self, is_complete: bool) -> Changes {
        let corrupt = std::mem::take(&mut self.corrupt_now);
        if is_complete {
            self.has_been_read = true;
            let round = self.round;
            let is_gone =
                |(id, known): &(&ItemId, &Known)| known.round != round && !corrupt.contains(&id.group);
            let gone: Vec<ItemId> = self.items.iter().filter(is_gone).map(|(id, _)| id.clone()).collect();
            for id in gone {
                self.items.remove(&id);
                self.changes.removed.push(id);
            }
            self.corrupt = corrupt;
        } else {
            self.corrupt.extend(corrupt);
        }
        std::mem::take(&mut self.changes)
    }
}

/// The present state of what is watched, as a handler tells it.
pub struct State<'s, U> {
    sheet: &'s mut Sheet,
    said: Option<Said>,
    update: PhantomData<fn() -> U>,
}

impl<'s, U: JsonSchema> State<'s, U> {
    pub(crate) fn new(sheet: &'s mut Sheet, said: Option<Said>) -> Self {
        Self { sheet, said, update: PhantomData }
    }

    /// What the writer has just published, where it has: the value of the channel pattern's last slot, and
    /// the message. Then only that is to be told.
    pub fn said(&mut self) -> Option<(String, Stored)> {
        let said = self.said.take()?;
        let (_, name) = said.slots.into_iter().next_back()?;
        Some((name, said.payload))
    }

    /// The groups that somebody watches; None: all.
    pub fn wanted(&self) -> Option<Vec<&str>> {
        self.sheet.wanted.as_ref().map(|wanted| wanted.iter().map(|group| &**group).collect())
    }

    /// Tells one item: the group and the key that name it, how it is stored, and how that becomes an
    /// update, which is asked only if it is stored otherwise than before. Of a corrupt item those who watch are
    /// warned, and its last healthy form stands.
    pub fn put(
        &mut self,
        view: &View,
        id: (&str, &str),
        stored: &[u8],
        update: impl FnOnce() -> Result<Json<U>>,
    ) {
        self.put_of(None, view, id, stored, update);
    }

    /// The same of an item that belongs to a user: others than that one see it only if they may see
    /// everybody's.
    pub fn put_of(
        &mut self,
        owner: Option<&str>,
        view: &View,
        (group, key): (&str, &str),
        stored: &[u8],
        update: impl FnOnce() -> Result<Json<U>>,
    ) {
        let id = ItemId { group: group.into(), key: key.into() };
        let sheet = &mut *self.sheet;
        let round = sheet.round;
        let mut again = false;
        if let Some(known) = sheet.items.get_mut(&id) {
            known.round = round;
            // One that could not be read is told again when it can, even if it is the same.
            again = known.is_corrupt || sheet.corrupt.contains(&id.group);
            if *known.stored == *stored && (known.is_corrupt || !again) {
                return;
            }
        }
        let name = if key.is_empty() { group } else { key };
        let (update, mut warnings) = view.collecting(update);
        let known = Known { stored: stored.into(), round, is_corrupt: update.is_err() };
        sheet.items.insert(id.clone(), known);
        let owner: Option<Arc<str>> = owner.map(Into::into);
        let mut tell = |told| {
            sheet.changes.items.push(Change { id: id.clone(), owner: owner.clone(), told });
        };
        match update {
            Ok(json) => tell(Told::item(json.into_text(), again)),
            Err(error) => warnings.push(view.corrupt(name, &error)),
        }
        if !warnings.is_empty() {
            tell(Told::Corrupt(warnings));
        }
    }

    /// Tells the one item that there is.
    pub fn put_only(&mut self, view: &View, update: Json<U>) {
        let text = update.into_text();
        self.put(view, ("", ""), text.clone().as_bytes(), || Ok(Json::trusted(text)));
    }

    /// The object that a whole group is stored as. If it is corrupt, those who watch are warned, and the last healthy
    /// form of the group's items stands.
    pub fn fields<'f>(&mut self, view: &View, group: &str, stored: &'f Stored) -> Option<Fields<'f>> {
        match stored.fields() {
            Ok(fields) => Some(fields),
            Err(error) => {
                self.sheet.corrupt_now.insert(group.into());
                self.put(view, (group, ""), stored.bytes(), || Err(error));
                None
            }
        }
    }

    /// What was appended to a list since it was last looked at. Where that can't be known, for the list was
    /// taken away or grew by too much, a gap is declared.
    pub async fn follow(&mut self, view: &View, list: &Found, group: &str) -> Result<Appended> {
        let name = list.key().as_str().to_owned();
        let cursor = self.sheet.lists.get(&name);
        let previous = cursor.and_then(|cursor| cursor.last.clone());
        let is_untouched = self.sheet.only.as_ref().is_some_and(|only| !only.contains(&name));
        if is_untouched && cursor.is_some() {
            return Ok(Appended { previous, elements: Vec::new() });
        }
        let is_first = !self.sheet.has_been_read;
        let (elements, is_sure, next) = match read_on(view, list, cursor, is_first).await {
            Err(error) if error.code() == ErrorCode::CacheCorrupt => {
                // It is no list. Others are, and what it was before is gone.
                view.healthy::<()>(list.name(), Err(error));
                (Vec::new(), previous.is_none(), Cursor::default())
            }
            read => read?,
        };
        if !is_sure {
            self.log(group, Told::Gap);
        }
        self.sheet.lists.insert(name, next);
        Ok(Appended { previous: previous.filter(|_| is_sure), elements })
    }

    /// Tells one more entry of a log. Instead of a corrupt one, which is reported under a name, a gap is
    /// declared.
    pub fn append(&mut self, view: &View, name: &str, group: &str, entry: Result<Json<U>>) {
        match view.healthy(name, entry) {
            Some(entry) => self.log(group, Told::item(entry.into_text(), false)),
            None => self.log(group, Told::Gap),
        }
    }

    fn log(&mut self, group: &str, told: Told) {
        let has_been_read = self.sheet.has_been_read;
        let items = &mut self.sheet.changes.items;
        items.push(Change::of_log(group, told));
        if items.len() > 2 * MOST_TOLD {
            items.drain(..items.len() - MOST_TOLD);
            // What comes before a stream's beginning is no part of it.
            if has_been_read {
                items.insert(0, Change::of_log(group, Told::Gap));
            }
        }
    }
}

/// What was appended to a list.
#[derive(Debug)]
pub struct Appended {
    /// The element before, where it is known.
    pub previous: Option<Stored>,
    /// The new elements, in their order.
    pub elements: Vec<Stored>,
}

/// The elements after those that were seen before; whether none can have been missed; and how far the list
/// is read then.
async fn read_on(
    view: &View,
    list: &Found,
    cursor: Option<&Cursor>,
    is_first: bool,
) -> Result<(Vec<Stored>, bool, Cursor)> {
    if let Some(Cursor { length: Some(length @ 1..), last: Some(last) }) = cursor {
        let from = i64::try_from(length - 1).unwrap_or(i64::MAX);
        let to = from.saturating_add(MOST_LISTED.into());
        let mut elements = view.list(list.key(), from, to).await?;
        // If there are more, only the newest are looked at, and those between are missed.
        if elements.first() == Some(last) && elements.len() <= MOST_LISTED as usize {
            elements.remove(0);
            let last = elements.last().unwrap_or(last).clone();
            let length = length + elements.len();
            return Ok((elements, true, Cursor { length: Some(length), last: Some(last) }));
        }
    }
    let last = cursor.and_then(|cursor| cursor.last.as_ref());
    // It was cut from the left, taken away, or never seen. Mostly little was appended.
    let counts = match last {
        Some(_) => &[64, 1024, MOST_LISTED][..],
        None if is_first => &[MOST_IN_SNAPSHOT],
        None => &[MOST_LISTED],
    };
    let mut elements = Vec::new();
    let mut next = Cursor::default();
    for count in counts {
        elements = view.list_last(list.key(), *count).await?;
        let is_all = elements.len() < *count as usize;
        next = Cursor { length: is_all.then_some(elements.len()), last: elements.last().cloned() };
        if let Some(at) = elements.iter().rposition(|element| Some(element) == last) {
            elements.drain(..=at);
            return Ok((elements, true, next));
        }
        if is_all {
            break;
        }
    }
    // A list that was not there may have been filled and taken away since.
    let is_sure = elements.is_empty() && last.is_none() || cursor.is_none() && is_first;
    Ok((elements, is_sure, next))
}
