//! Amounts by resource, written as Kubernetes writes them: `{"cpu": "1500m", "memory": "4Gi", "nvidia.com/gpu": "1"}`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use netmarks_core::quantity;
use serde::de::{Deserializer, Error};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};

/// Amounts above this are cut to it: sums over a node and products with a score must stay within 64 bits.
const MOST: u64 = 1 << 55;

const CPU: &str = "cpu";
const MEMORY: &str = "memory";
const EPHEMERAL_STORAGE: &str = "ephemeral-storage";
const PODS: &str = "pods";

/// What a pod requests or a node offers, by resource. A resource that is absent amounts to nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceList {
    pub cpu_millicores: u64,
    pub memory_bytes: u64,
    pub ephemeral_storage_bytes: u64,
    /// How many pods; only nodes have it.
    pub pods: u64,
    /// Whole units of every other resource by its name: huge pages and extended resources.
    pub others: BTreeMap<String, u64>,
}

impl ResourceList {
    pub(crate) const EMPTY: Self = Self {
        cpu_millicores: 0,
        memory_bytes: 0,
        ephemeral_storage_bytes: 0,
        pods: 0,
        others: BTreeMap::new(),
    };

    /// CPU and memory alone.
    #[must_use]
    pub fn new(cpu_millicores: u64, memory_bytes: u64) -> Self {
        Self { cpu_millicores, memory_bytes, ..Self::default() }
    }

    /// From an object of the API. A malformed quantity, which the API server accepts nowhere, counts as nothing.
    #[must_use]
    pub fn from_quantities(quantities: &BTreeMap<String, Quantity>) -> Self {
        let mut list = Self::default();
        for (name, Quantity(text)) in quantities {
            list.set(name, amount(name, text).unwrap_or(0));
        }
        list
    }

    /// In the unit of the field: millicores of `cpu`, bytes, pods, or whole units.
    #[must_use]
    pub fn get(&self, name: &str) -> u64 {
        match name {
            CPU => self.cpu_millicores,
            MEMORY => self.memory_bytes,
            EPHEMERAL_STORAGE => self.ephemeral_storage_bytes,
            PODS => self.pods,
            other => self.others.get(other).copied().unwrap_or(0),
        }
    }

    /// In the unit of [`Self::get`].
    pub fn set(&mut self, name: &str, amount: u64) {
        let amount = amount.min(MOST);
        match name {
            CPU => self.cpu_millicores = amount,
            MEMORY => self.memory_bytes = amount,
            EPHEMERAL_STORAGE => self.ephemeral_storage_bytes = amount,
            PODS => self.pods = amount,
            other => {
                self.others.insert(other.to_owned(), amount);
            }
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.combine(other, u64::saturating_add);
    }

    pub(crate) fn subtract(&mut self, other: &Self) {
        self.combine(other, u64::saturating_sub);
        self.others.retain(|_, amount| *amount > 0);
    }

    fn combine(&mut self, other: &Self, with: impl Fn(u64, u64) -> u64) {
        let Self { cpu_millicores, memory_bytes, ephemeral_storage_bytes, pods, others } = other;
        self.cpu_millicores = with(self.cpu_millicores, *cpu_millicores);
        self.memory_bytes = with(self.memory_bytes, *memory_bytes);
        self.ephemeral_storage_bytes = with(self.ephemeral_storage_bytes, *ephemeral_storage_bytes);
        self.pods = with(self.pods, *pods);
        for (name, amount) in others {
            match self.others.get_mut(name) {
                Some(own) => *own = with(*own, *amount),
                None => {
                    self.others.insert(name.clone(), with(0, *amount));
                }
            }
        }
    }

    /// Whether it amounts to nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A quantity of a resource in the unit of [`ResourceList::get`]; `None` for a text that is not a quantity.
pub(crate) fn amount(name: &str, text: &str) -> Option<u64> {
    let amount = if name == CPU { quantity::cpu_millicores(text) } else { quantity::memory_bytes(text) };
    amount.map(|amount| amount.min(MOST))
}

impl Serialize for ResourceList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { cpu_millicores, memory_bytes, ephemeral_storage_bytes, pods, others } = self;
        let mut map = serializer.serialize_map(None)?;
        if *cpu_millicores > 0 {
            map.serialize_entry(CPU, &cores(*cpu_millicores))?;
        }
        for (name, bytes) in [(EPHEMERAL_STORAGE, ephemeral_storage_bytes), (MEMORY, memory_bytes)] {
            if *bytes > 0 {
                map.serialize_entry(name, &binary(*bytes))?;
            }
        }
        if *pods > 0 {
            map.serialize_entry(PODS, &pods.to_string())?;
        }
        for (name, amount) in others {
            map.serialize_entry(name, &amount.to_string())?;
        }
        map.end()
    }
}

fn cores(millicores: u64) -> String {
    if millicores.is_multiple_of(1_000) { (millicores / 1_000).to_string() } else { format!("{millicores}m") }
}

fn binary(bytes: u64) -> String {
    let units = [(40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")];
    let unit = units.into_iter().find(|(power, _)| bytes.is_multiple_of(1 << power));
    unit.map_or_else(|| bytes.to_string(), |(power, suffix)| format!("{}{suffix}", bytes >> power))
}

impl<'de> Deserialize<'de> for ResourceList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut list = Self::default();
        for (name, Written(text)) in BTreeMap::<Cow<'de, str>, Written<'de>>::deserialize(deserializer)? {
            let Some(text) = text else { continue };
            let amount = amount(&name, &text)
                .ok_or_else(|| D::Error::custom(format_args!("`{text}` of `{name}` is not a quantity")))?;
            list.set(&name, amount);
        }
        Ok(list)
    }
}

/// A quantity as text or number.
struct Written<'a>(Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Written<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        quantity::text(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_kubernetes_writes_them_and_read_back() {
        let text = r#"{"cpu":"1500m","ephemeral-storage":"100","memory":"4Gi","pods":"110","hugepages-2Mi":"0","nvidia.com/gpu":"2"}"#;
        let list: ResourceList = serde_json::from_str(text).unwrap();
        assert_eq!((list.cpu_millicores, list.memory_bytes, list.pods), (1_500, 4 << 30, 110));
        assert_eq!((list.get("nvidia.com/gpu"), list.get("ephemeral-storage")), (2, 100));
        assert_eq!(serde_json::to_string(&list).unwrap(), text);
        assert_eq!(
            serde_json::to_string(&ResourceList::new(3_000, 7 << 20)).unwrap(),
            r#"{"cpu":"3","memory":"7Mi"}"#
        );
        let numbers: ResourceList = serde_json::from_str(r#"{"cpu": 2, "memory": null}"#).unwrap();
        assert_eq!(numbers, ResourceList::new(2_000, 0));
    }

    #[test]
    fn a_text_that_is_no_quantity_is_refused_with_its_resource() {
        let error = serde_json::from_str::<ResourceList>(r#"{"memory": "lots"}"#).unwrap_err();
        assert!(error.to_string().contains("`lots` of `memory` is not a quantity"), "{error}");
    }
}
