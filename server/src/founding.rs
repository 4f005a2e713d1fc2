//! The founding of a structure: what `init` draws, and the set-up link that alone
//! carries the set-up key's private half.

use relais_wire::ids::StructureId;
use relais_wire::link::{Link, LinkKind};

use crate::config::Random;
use crate::store::Founding;

/// Draws a structure id, a set-up key and the token key. The link is shown once
/// and kept nowhere.
pub fn found(public_url: &str, random: &Random) -> Result<(Founding, Link), getrandom::Error> {
    let mut structure = [0; 16];
    let mut token_key = [0; 32];
    let mut seed = zeroize::Zeroizing::new([0; 32]);
    random(&mut structure)?;
    random(&mut token_key)?;
    random(seed.as_mut())?;
    let setup = ed25519_dalek::SigningKey::from_bytes(&seed);
    let founding = Founding {
        structure: StructureId(structure),
        setup_key: setup.verifying_key().to_bytes(),
        token_key,
    };
    let link = Link {
        server_url: public_url.trim_end_matches('/').to_owned(),
        kind: LinkKind::SetUp,
        structure: founding.structure,
        seed: *seed,
        root_fingerprint: [0; 16],
    };
    Ok((founding, link))
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: I1
    #[test]
    fn the_set_up_secret_is_only_in_the_link() {
        let random = crate::config::system_random();
        let (founding, link) = found("http://127.0.0.1:8080/", &random).expect("randomness");
        let read: Link = link.to_string().parse().expect("a link that reads back");
        assert_eq!(read, link);
        assert_eq!(link.server_url, "http://127.0.0.1:8080");
        assert_eq!(link.structure, founding.structure);
        let public = ed25519_dalek::SigningKey::from_bytes(&link.seed).verifying_key();
        assert_eq!(public.to_bytes(), founding.setup_key);
        assert_ne!(link.seed, founding.token_key);
    }
}
