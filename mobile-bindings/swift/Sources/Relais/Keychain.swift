import Foundation
import Security

/// Keeps the library's secrets in the Keychain: readable once the person has unlocked the phone since it started, on
/// this phone alone, and in no backup that another one can read.
public final class KeychainSecretStore: SecretStore {
    private let service: String

    /// A store of its own for each `service`.
    public init(service: String = "eu.relais") {
        self.service = service
    }

    /// The secret of this name; nothing when there is none. Fails with `PlatformError`.
    public func load(name: String) throws -> Data? {
        var query = item(name)
        query[kSecReturnData as String] = true
        query[kSecMatchLimit as String] = kSecMatchLimitOne
        var found: CFTypeRef?
        let status = SecItemCopyMatching(query as CFDictionary, &found)
        if status == errSecItemNotFound {
            return nil
        }
        try check(status)
        guard let secret = found as? Data else {
            throw PlatformError.Unavailable
        }
        return secret
    }

    /// Keeps a secret in the place of an earlier one. Fails with `PlatformError`.
    public func store(name: String, secret: Data) throws {
        let content: [String: Any] = [
            kSecValueData as String: secret,
            kSecAttrAccessible as String: kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly,
        ]
        let status = SecItemUpdate(item(name) as CFDictionary, content as CFDictionary)
        if status == errSecItemNotFound {
            let new = item(name).merging(content) { _, content in content }
            try check(SecItemAdd(new as CFDictionary, nil))
        } else {
            try check(status)
        }
    }

    /// Removes a secret, if there is one. Fails with `PlatformError`.
    public func delete(name: String) throws {
        let status = SecItemDelete(item(name) as CFDictionary)
        if status != errSecItemNotFound {
            try check(status)
        }
    }

    private func item(_ name: String) -> [String: Any] {
        [
            kSecClass as String: kSecClassGenericPassword,
            kSecAttrService as String: service,
            kSecAttrAccount as String: name,
            // On macOS the older keychain knows nothing of kSecAttrAccessible.
            kSecUseDataProtectionKeychain as String: true,
        ]
    }
}

private func check(_ status: OSStatus) throws {
    switch status {
    case errSecSuccess:
        return
    case errSecInteractionNotAllowed:
        throw PlatformError.Locked
    default:
        throw PlatformError.Unavailable
    }
}
