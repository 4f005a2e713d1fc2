//! Reads of an ELF file what Android asks of a 64-bit library: how its loaded segments are aligned.

/// Where the fields are that are read here (little endian, 64 bits).
mod at {
    pub const CLASS: usize = 4;
    pub const DATA: usize = 5;
    pub const HEADERS: usize = 0x20;
    pub const HEADER_SIZE: usize = 0x36;
    pub const HEADER_COUNT: usize = 0x38;
    pub const TYPE: usize = 0;
    pub const ALIGNMENT: usize = 0x30;
}

const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
const LOAD: u32 = 1;

/// The alignment of each segment that is loaded into memory: at least one.
///
/// # Errors
/// Says what is wrong with the file, in words that follow its name.
pub fn load_alignments(file: &[u8]) -> Result<Vec<u64>, &'static str> {
    if !file.starts_with(b"\x7fELF") {
        return Err("is no ELF file");
    }
    if file.get(at::CLASS) != Some(&CLASS_64) || file.get(at::DATA) != Some(&LITTLE_ENDIAN) {
        return Err("is not for a little-endian machine of 64 bits");
    }
    alignments(file).ok_or("breaks off before its program headers end, or has none that is loaded")
}

fn alignments(file: &[u8]) -> Option<Vec<u64>> {
    let start = usize::try_from(u64::from_le_bytes(bytes(file, at::HEADERS)?)).ok()?;
    let size = usize::from(u16::from_le_bytes(bytes(file, at::HEADER_SIZE)?));
    let count = usize::from(u16::from_le_bytes(bytes(file, at::HEADER_COUNT)?));
    let mut found = Vec::new();
    for index in 0..count {
        let header = file.get(start.checked_add(index * size)?..)?.get(..size)?;
        if u32::from_le_bytes(bytes(header, at::TYPE)?) == LOAD {
            found.push(u64::from_le_bytes(bytes(header, at::ALIGNMENT)?));
        }
    }
    (!found.is_empty()).then_some(found)
}

fn bytes<const N: usize>(file: &[u8], at: usize) -> Option<[u8; N]> {
    file.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
pub mod testing {
    use super::at;

    const HEADER: usize = 0x40;
    const SEGMENT: usize = 0x38;

    /// An ELF file with segments of these types and alignments.
    pub fn library(segments: &[(u32, u64)]) -> Vec<u8> {
        let mut file = vec![0; HEADER + segments.len() * SEGMENT];
        let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"\x7fELF\x02\x01\x01");
        put(at::HEADERS, &(HEADER as u64).to_le_bytes());
        put(at::HEADER_SIZE, &(SEGMENT as u16).to_le_bytes());
        put(at::HEADER_COUNT, &(segments.len() as u16).to_le_bytes());
        for (index, (kind, alignment)) in segments.iter().enumerate() {
            let start = HEADER + index * SEGMENT;
            put(start + at::TYPE, &kind.to_le_bytes());
            put(start + at::ALIGNMENT, &alignment.to_le_bytes());
        }
        file
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::library, *};

    #[test]
    fn loaded_segments_are_found_among_others() {
        let file = library(&[(6, 8), (LOAD, 0x4000), (LOAD, 0x1000), (2, 8)]);
        assert_eq!(load_alignments(&file), Ok(vec![0x4000, 0x1000]));
    }

    #[cfg(all(
        target_os = "linux",
        target_pointer_width = "64",
        target_endian = "little"
    ))]
    #[test]
    fn what_a_real_linker_wrote_is_understood() {
        let ours = std::env::current_exe().expect("a path");
        let file = std::fs::read(ours).expect("this program");
        let found = load_alignments(&file).expect("an ELF file");
        assert!(found.iter().all(|alignment| alignment.is_power_of_two()));
    }

    #[test]
    fn what_is_no_library_of_64_bits_is_refused() {
        let mut file = library(&[(LOAD, 0x4000)]);
        file[at::CLASS] = 1;
        assert!(load_alignments(&file).is_err());
        file[at::CLASS] = CLASS_64;
        file[at::DATA] = 2;
        assert!(load_alignments(&file).is_err());
        assert!(load_alignments(b"!<arch>\n").is_err());
        assert!(load_alignments(b"").is_err());
        assert!(load_alignments(&library(&[(6, 8)])).is_err());
    }

    #[test]
    fn a_file_that_breaks_off_anywhere_is_refused() {
        let file = library(&[(LOAD, 0x4000), (LOAD, 0x4000)]);
        for length in 0..file.len() {
            assert!(load_alignments(&file[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn headers_that_lie_are_refused() {
        let whole = library(&[(LOAD, 0x4000)]);
        for lie in [u64::MAX, u64::MAX - 8, whole.len() as u64, 1 << 63] {
            let mut file = whole.clone();
            file[at::HEADERS..at::HEADERS + 8].copy_from_slice(&lie.to_le_bytes());
            assert!(load_alignments(&file).is_err(), "headers at {lie}");
        }
        for (field, lie) in [
            (at::HEADER_COUNT, u16::MAX),
            (at::HEADER_COUNT, 0),
            (at::HEADER_SIZE, u16::MAX),
            (at::HEADER_SIZE, 0),
            (at::HEADER_SIZE, 8),
        ] {
            let mut file = whole.clone();
            file[field..field + 2].copy_from_slice(&lie.to_le_bytes());
            assert!(load_alignments(&file).is_err(), "{field} is {lie}");
        }
    }

    #[test]
    fn no_changed_byte_makes_it_panic() {
        let whole = library(&[(LOAD, 0x4000), (LOAD, 0x4000)]);
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut file = whole.clone();
                file[at] = value;
                let _ = load_alignments(&file);
            }
        }
    }
}
