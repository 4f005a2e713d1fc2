extension RelaisError {
    /// The stable code of the reason.
    public var code: String {
        reason.code
    }

    /// The key of the text to show.
    public var key: String {
        reason.key
    }

    private var reason: (code: String, key: String) {
        switch self {
        case .Retry(let code, let key), .ReEnrol(let code, let key), .UpdateNeeded(let code, let key),
            .Fatal(let code, let key):
            return (code, key)
        case .Rejected(let code, let key, _):
            return (code, key)
        }
    }
}
