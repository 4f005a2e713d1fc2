//! Looks for planted secrets in files, in every form that a careless program could
//! have written them in. Owns the forms and the search; what is planted belongs to
//! the story, where it must not be found to the check.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::failure::{Failure, Result};

/// Length of a run of a photo's bytes.
pub const RUN: usize = 64;
/// Fewer different bytes make a run that other files have by chance.
const RUN_VARIETY: usize = 24;
/// First bytes of a form, by which it is looked up.
const KEY: usize = 6;
const KEY_MASK: u64 = (1 << (8 * KEY)) - 1;
/// Bits of the filter in front of the look-up.
const FILTER_BITS: u32 = 23;

/// One secret.
struct Plant {
    what: String,
}

/// One way of writing a secret.
struct Form {
    plant: usize,
    encoding: &'static str,
    bytes: Vec<u8>,
}

/// Secrets, in all their forms.
#[derive(Default)]
pub struct Plants {
    plants: Vec<Plant>,
    forms: Vec<Form>,
}

/// Where a secret was found.
#[derive(Debug, Clone)]
pub struct Hit {
    /// What.
    pub what: String,
    /// In which form.
    pub encoding: &'static str,
    /// In which file.
    pub file: PathBuf,
}

/// What a search found.
pub struct Found {
    /// The first place of each secret that was found.
    pub hits: BTreeMap<usize, Hit>,
    /// Bytes that were looked through.
    pub bytes: u64,
    /// Files that were looked through.
    pub files: usize,
}

impl Plants {
    /// A text: UTF-8, UTF-16 of both byte orders, and UTF-8 in hexadecimal and base64.
    pub fn text(&mut self, what: &str, text: &str) {
        let plant = self.plant(format!("{what} {text:?}"));
        let units = || text.encode_utf16();
        self.form(
            plant,
            "UTF-16LE",
            units().flat_map(u16::to_le_bytes).collect(),
        );
        self.form(
            plant,
            "UTF-16BE",
            units().flat_map(u16::to_be_bytes).collect(),
        );
        self.binary(plant, "UTF-8", text.as_bytes());
    }

    /// A file: each aligned run of its bytes, so that any piece of twice the length
    /// has one. Runs with little in them are left out.
    pub fn runs(&mut self, what: &str, bytes: &[u8]) {
        for (number, run) in bytes.chunks_exact(RUN).enumerate() {
            let variety: BTreeSet<u8> = run.iter().copied().collect();
            if variety.len() >= RUN_VARIETY {
                let plant = self.plant(format!("{what}, bytes from {}", number * RUN));
                self.binary(plant, "bytes", run);
            }
        }
    }

    /// Number of secrets.
    pub fn len(&self) -> usize {
        self.plants.len()
    }

    /// Secrets that a search did not find.
    pub fn missing(&self, found: &Found) -> Vec<&str> {
        self.plants
            .iter()
            .enumerate()
            .filter(|(number, _)| !found.hits.contains_key(number))
            .map(|(_, plant)| plant.what.as_str())
            .collect()
    }

    fn plant(&mut self, what: String) -> usize {
        self.plants.push(Plant { what });
        self.plants.len() - 1
    }

    fn form(&mut self, plant: usize, encoding: &'static str, bytes: Vec<u8>) {
        // Invariant: shorter ones would be found anywhere; no plant is so short.
        assert!(
            bytes.len() >= KEY,
            "{} is too short to be looked for",
            self.plants[plant].what
        );
        self.forms.push(Form {
            plant,
            encoding,
            bytes,
        });
    }

    fn binary(&mut self, plant: usize, plain: &'static str, bytes: &[u8]) {
        let lower = hex::encode(bytes);
        self.form(plant, "hex, upper case", lower.to_uppercase().into_bytes());
        self.form(plant, "hex", lower.into_bytes());
        self.form(plant, plain, bytes.to_vec());
        for shift in 0..3 {
            let mut shifted = vec![0; shift];
            shifted.extend(bytes);
            // Characters that depend on neighbours are left out at both ends.
            let (from, to) = ((shift * 8).div_ceil(6), shifted.len() * 8 / 6);
            let standard = STANDARD_NO_PAD.encode(&shifted);
            let url_safe = URL_SAFE_NO_PAD.encode(&shifted);
            self.form(plant, "base64", standard.as_bytes()[from..to].to_vec());
            if standard != url_safe {
                self.form(
                    plant,
                    "base64 for URLs",
                    url_safe.as_bytes()[from..to].to_vec(),
                );
            }
        }
    }
}

/// Plants, made ready for searching.
pub struct Search<'a> {
    plants: &'a Plants,
    filter: Vec<bool>,
    by_key: HashMap<u64, Vec<usize>>,
}

impl<'a> Search<'a> {
    /// Makes ready.
    pub fn new(plants: &'a Plants) -> Self {
        let mut filter = vec![false; 1 << FILTER_BITS];
        let mut by_key: HashMap<u64, Vec<usize>> = HashMap::new();
        for (number, form) in plants.forms.iter().enumerate() {
            let key = form.bytes[..KEY]
                .iter()
                .fold(0, |key, byte| key << 8 | u64::from(*byte));
            filter[filter_place(key)] = true;
            by_key.entry(key).or_default().push(number);
        }
        Self {
            plants,
            filter,
            by_key,
        }
    }

    /// Looks through files and folders, names of files included.
    pub fn through(&self, places: &[&Path]) -> Result<Found> {
        let mut found = Found {
            hits: BTreeMap::new(),
            bytes: 0,
            files: 0,
        };
        let mut waiting: Vec<PathBuf> = places.iter().map(|p| (*p).to_owned()).collect();
        while let Some(path) = waiting.pop() {
            let name = path.file_name().unwrap_or_default();
            self.bytes(name.as_encoded_bytes(), &path, &mut found);
            if path.is_dir() {
                for entry in std::fs::read_dir(&path).map_err(Failure::file(&path))? {
                    waiting.push(entry.map_err(Failure::file(&path))?.path());
                }
                continue;
            }
            let bytes = std::fs::read(&path).map_err(Failure::file(&path))?;
            found.files += 1;
            found.bytes += bytes.len() as u64;
            self.bytes(&bytes, &path, &mut found);
        }
        Ok(found)
    }

    fn bytes(&self, bytes: &[u8], file: &Path, found: &mut Found) {
        let mut key = 0;
        for (end, byte) in bytes.iter().enumerate() {
            key = (key << 8 | u64::from(*byte)) & KEY_MASK;
            if self.filter[filter_place(key)] && end + 1 >= KEY {
                self.compare(key, &bytes[end + 1 - KEY..], file, found);
            }
        }
    }

    fn compare(&self, key: u64, rest: &[u8], file: &Path, found: &mut Found) {
        for number in self.by_key.get(&key).into_iter().flatten() {
            let form = &self.plants.forms[*number];
            if rest.starts_with(&form.bytes) {
                found.hits.entry(form.plant).or_insert_with(|| Hit {
                    what: self.plants.plants[form.plant].what.clone(),
                    encoding: form.encoding,
                    file: file.to_owned(),
                });
            }
        }
    }
}

fn filter_place(key: u64) -> usize {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - FILTER_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found_in(plants: &Plants, bytes: &[u8]) -> Vec<&'static str> {
        let folder = tempfile::tempdir().expect("a folder");
        let deeper = folder.path().join("deeper");
        std::fs::create_dir(&deeper).expect("made");
        std::fs::write(deeper.join("file"), bytes).expect("written");
        let found = Search::new(plants)
            .through(&[folder.path()])
            .expect("searched");
        found.hits.values().map(|hit| hit.encoding).collect()
    }

    #[test]
    fn a_name_is_found_in_every_form() {
        let name = "Maëlle Fictif-Hélénon";
        let mut plants = Plants::default();
        plants.text("name", name);
        let utf16: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let utf16_be: Vec<u8> = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let cases: [(&str, Vec<u8>); 5] = [
            ("UTF-8", name.into()),
            ("UTF-16LE", utf16),
            ("UTF-16BE", utf16_be),
            ("hex", hex::encode(name).into()),
            ("hex, upper case", hex::encode_upper(name).into()),
        ];
        for (encoding, bytes) in cases {
            let file = [b"before ", bytes.as_slice(), b" after"].concat();
            assert_eq!(found_in(&plants, &file), [encoding]);
        }
        for shift in 0..3 {
            let inside = format!("{}{name}+", "x".repeat(shift));
            assert_eq!(
                found_in(&plants, STANDARD_NO_PAD.encode(inside).as_bytes()),
                ["base64"]
            );
        }
        assert!(found_in(&plants, "Maëlle Fictif".as_bytes()).is_empty());
    }

    #[test]
    fn a_name_is_found_as_the_name_of_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("photo of Odette-Fictive.jpg"), b"").expect("written");
        let mut plants = Plants::default();
        plants.text("name", "Odette-Fictive");
        let found = Search::new(&plants)
            .through(&[folder.path()])
            .expect("searched");
        assert!(plants.missing(&found).is_empty());
    }

    #[test]
    fn any_piece_of_a_photo_is_found_wherever_it_lies() {
        let photo: Vec<u8> = (0..1024u32).map(|i| (i * i * 7 / 3 % 251) as u8).collect();
        let mut plants = Plants::default();
        plants.runs("photo", &photo);
        assert!(plants.len() >= 14, "{}", plants.len());
        let piece = &photo[333..333 + 2 * RUN];
        assert!(found_in(&plants, piece).contains(&"bytes"));
        let url_safe = format!("x{}", URL_SAFE_NO_PAD.encode(piece));
        assert!(!found_in(&plants, url_safe.as_bytes()).is_empty());
        assert!(found_in(&plants, &photo[333..333 + RUN - 1]).is_empty());
    }
}
