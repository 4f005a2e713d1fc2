//! The number of a server's life, which a restore from a backup ends: when it began,
//! and chance, so that two restores of one backup never begin the same.

/// The life that begins at a time, in milliseconds since the Unix epoch.
pub fn beginning(time_ms: u64, chance: u16) -> u64 {
    time_ms.saturating_mul(1 << 16) | u64::from(chance)
}

/// When a life began, milliseconds since the Unix epoch; zero for the first.
pub fn began_ms(life: u64) -> u64 {
    life >> 16
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_life_tells_when_it_began() {
        let now = 1_772_438_400_123;
        assert_eq!(super::began_ms(super::beginning(now, 0)), now);
        assert_eq!(super::began_ms(super::beginning(now, u16::MAX)), now);
        assert_ne!(super::beginning(now, 1), super::beginning(now, 2));
        assert_eq!(super::began_ms(0), 0);
    }
}
