import Foundation
import RelaisCore

/// The latest items of a thread.
func items(_ relais: Relais, _ thread: String) async throws -> [TimelineItem] {
    try await relais.timelineBefore(thread: thread, beforeSeq: nil, limit: 50).items
}

/// The state of the message with this text; nothing where it is not shown.
func message(_ text: String, in items: [TimelineItem]) -> ItemState? {
    for item in items {
        if case .event(event: _, content: .message(text: text, priority: _, replyTo: _)) = item.body {
            return item.state
        }
    }
    return nil
}

/// A photo as a timeline shows it.
struct ShownPhoto {
    let original: String
    let thumbnail: Data
    let caption: String
    let laterality: Laterality?
}

/// The first photo among these items.
func photo(in items: [TimelineItem]) -> ShownPhoto? {
    for item in items {
        if case .event(event: _, content: let content) = item.body,
            case .photo(
                photo: let original?, thumbnail: let thumbnail, width: _, height: _, caption: let caption, bodySite: _,
                laterality: let laterality) = content
        {
            return ShownPhoto(original: original, thumbnail: thumbnail, caption: caption, laterality: laterality)
        }
    }
    return nil
}
