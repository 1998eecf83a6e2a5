//! Which node of a Redis Cluster has which slots, as one of its nodes tells.

use std::fmt;

use super::{
    Address,
    slots::{SLOTS, slot_of},
};

/// Who has which slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Map {
    /// The masters, by where they are. They may have no slots: keys come to a new one before the slot is its own.
    pub(super) masters: Vec<Node>,
    /// Where else one may ask.
    replicas: Vec<Place>,
    /// By slot, which of the masters has it.
    owners: Vec<Option<u16>>,
    /// The greatest of the numbers by which the owners of slots say how new their claims are.
    epoch: u64,
}

/// Host and port.
type Place = (String, u16);

/// A master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    host: String,
    port: u16,
    /// What it is called, where that is another name than its host's.
    name: Option<String>,
}

/// A line of the answer.
struct Line<'t> {
    node: Node,
    is_master: bool,
    is_replica: bool,
    epoch: u64,
    slots: Vec<&'t str>,
}

impl Map {
    /// Reads the answer to `CLUSTER NODES` of the node at a host. The error is a sentence about that node.
    pub(super) fn parse(text: &str, asked: &str, is_tls: bool) -> Result<Self, String> {
        let lines = text.lines().filter(|line| !line.is_empty());
        let lines = lines.map(|line| Line::parse(line, asked, is_tls)).collect::<Result<Vec<_>, _>>()?;
        if lines.len() > SLOTS.into() {
            return Err(format!("it knows of {} nodes, more than there are slots", lines.len()));
        }
        let mut map =
            Self { masters: Vec::new(), replicas: Vec::new(), owners: vec![None; SLOTS.into()], epoch: 0 };
        let (mut masters, others): (Vec<_>, Vec<_>) =
            lines.into_iter().flatten().partition(|line| line.is_master);
        // In one order, whoever was asked.
        masters.sort_by(|one, other| one.node.place().cmp(&other.node.place()));
        for (index, line) in (0..).zip(masters) {
            for slots in &line.slots {
                let slots =
                    range(slots).ok_or_else(|| format!("it says that a node has the slots {slots:?}"))?;
                map.epoch = map.epoch.max(line.epoch);
                map.owners[slots].fill(Some(index));
            }
            map.masters.push(line.node);
        }
        let replicas = others.into_iter().filter(|line| line.is_replica);
        map.replicas = replicas.map(|line| (line.node.host, line.node.port)).collect();
        map.replicas.sort();
        match map.owners.iter().all(Option::is_none) {
            true => Err("it knows of no node that has slots".to_owned()),
            false => Ok(map),
        }
    }

    /// Which of the masters has the slot of a key.
    pub(super) fn owner(&self, key: &str) -> Option<usize> {
        self.owners[usize::from(slot_of(key))].map(usize::from)
    }

    /// Which of the masters is at a host, or is called so, and a port.
    pub(super) fn at(&self, host: &str, port: u16) -> Option<usize> {
        let is_it = |node: &Node| {
            node.port == port && (node.host == host || node.name.as_deref().is_some_and(|name| name == host))
        };
        self.masters.iter().position(is_it)
    }

    /// How many slots one of the masters has.
    pub(super) fn slots_of(&self, master: usize) -> usize {
        self.owners.iter().filter(|owner| owner.is_some_and(|owner| usize::from(owner) == master)).count()
    }

    /// Where all that is known of can be asked.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        let replicas = self.replicas.iter().cloned();
        self.masters.iter().map(|master| (master.host.clone(), master.port)).chain(replicas)
    }

    /// Whether another is from before this one.
    pub(super) fn is_newer_than(&self, other: &Self) -> bool {
        self.epoch > other.epoch
    }

    /// Whether the same masters are there, whatever slots they have.
    pub(super) fn has_the_masters_of(&self, other: &Self) -> bool {
        self.masters == other.masters
    }

    /// Whether every slot is where it is there, too.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        self.has_the_masters_of(other) && self.owners == other.owners
    }
}

impl Node {
    fn place(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// Where it is, spoken to like this address.
    pub(super) fn address(&self, spoken_to: &Address) -> Address {
        spoken_to.moved_to(self.host.clone(), self.port)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An IPv6 address has colons of its own.
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl<'t> Line<'t> {
    /// `id host:port@bus[,name[,…]] flags master ping pong epoch link slots…`; None: of a node that cannot be spoken to.
    fn parse(line: &'t str, asked: &str, is_tls: bool) -> Result<Option<Self>, String> {
        let wrong = || format!("it answers {line:?} to CLUSTER NODES");
        let mut words = line.split(' ');
        let (Some(_), Some(place), Some(flags)) = (words.next(), words.next(), words.next()) else {
            return Err(wrong());
        };
        let epoch = words.nth(3).and_then(|epoch| epoch.parse().ok()).ok_or_else(wrong)?;
        let slots: Vec<&str> = words.skip(1).filter(|slots| !slots.starts_with('[')).collect();
        let has = |flag: &str| flags.split(',').any(|one| one == flag);
        if has("noaddr") || has("handshake") || (has("fail") && slots.is_empty()) {
            return Ok(None);
        }
        let mut names = place.split(',');
        let (place, _bus) = names.next().and_then(|place| place.split_once('@')).ok_or_else(wrong)?;
        let (host, port) = place.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        // A node that was never told its own address is where it was asked.
        let host = if host.is_empty() { asked } else { host };
        let name = names.next().filter(|name| !name.is_empty() && !name.contains('=')).map(str::to_owned);
        let node = match name {
            // Certificates are for names.
            Some(name) if is_tls => Node { name: Some(host.to_owned()), host: name, port },
            name => Node { host: host.to_owned(), port, name },
        };
        Ok(Some(Self { node, is_master: has("master"), is_replica: has("slave"), epoch, slots }))
    }
}

/// `5` or `0-5460`.
fn range(slots: &str) -> Option<std::ops::RangeInclusive<usize>> {
    let (first, last) = slots.split_once('-').unwrap_or((slots, slots));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && last < usize::from(SLOTS)).then_some(first..=last)
}
