// A broken header rule as a finding.

import Diagnostics
import Documents
import Tensors

extension HeaderError {
    /// The finding for this rule, about a given file.
    package func finding(file: String) -> Finding {
        switch self {
        case .fileTooShort, .headerTooLarge, .headerPastEnd, .headerPastHubLimit, .truncated, .trailingBytes,
            .headerUnaligned, .leadingWhitespace:
            sizeFinding(file)
        case .notUTF8, .notJSON, .notObject, .numberOutOfRange, .metadataNotStrings, .metadataTwice,
            .metadataKeyTwice:
            textFinding(file)
        case .entryNotObject, .entryAsArray, .fieldMissing, .fieldTwice, .fieldUnknown, .dtypeNotString,
            .dtypeUnknown, .dtypeAsObject, .shapeMalformed, .offsetsMalformed:
            entryFinding(file)
        case .tensorTwice, .nameEmpty, .nameInvisible, .namePathLike: nameFinding(file)
        case .gap, .overlap, .endsBeforeItBegins, .shapeOverflows, .partialByte, .sizeDiffers,
            .tensorUnaligned,
            .dimensionTooLarge:
            layoutFinding(file)
        }
    }

    private static let again = "copy this shard again from its source"
    private static let rewrite = "write the shard again with a current safetensors, or use its original"

    private func sizeFinding(_ file: String) -> Finding {
        switch self {
        case .fileTooShort(let size):
            Finding(
                .error, .shardTooShort, "file is too short to be a shard", file: file,
                expected: "at least 8 bytes, the length of the header", found: "\(size) bytes",
                remedy: Self.again)
        case .headerTooLarge(let declared, let limit):
            Finding(
                .error, .headerTooLarge, "header is longer than the format allows", file: file,
                expected: "at most \(grouped(limit)) bytes", found: "\(grouped(declared)) bytes declared",
                remedy: "check that this is a safetensors file, then copy it again")
        case .headerPastHubLimit(let declared, let limit):
            Finding(
                .error, .headerPastHubLimit, "header is longer than the hub reads", file: file,
                expected: "at most \(grouped(limit)) bytes", found: "\(grouped(declared)) bytes declared",
                remedy: "split the tensors over more shards")
        case .headerPastEnd(let declared, let size):
            Finding(
                .error, .headerPastEnd, "header runs past the end of the shard", file: file,
                expected: "a header of at most \(grouped(size - 8)) bytes",
                found: "\(grouped(declared)) bytes declared", remedy: Self.again)
        case .truncated(let expected, let found):
            Finding(
                .error, .shardTruncated, "shard ends before its tensor data does", file: file,
                expected: "\(grouped(expected)) bytes from the header",
                found: "\(grouped(found)) bytes (\(grouped(expected - UInt64(found))) short)",
                remedy: Self.again)
        case .trailingBytes(let expected, let found):
            Finding(
                .error, .shardGoesOn, "shard goes on after its tensor data", file: file,
                expected: "\(grouped(expected)) bytes from the header",
                found: "\(grouped(found)) bytes (\(grouped(UInt64(found) - expected)) too many)",
                remedy: Self.again)
        case .headerUnaligned(let bytes):
            Finding(
                .error, .headerUnaligned, "tensor data does not start at a multiple of 8 bytes", file: file,
                expected: "a header padded with spaces to a multiple of 8 bytes",
                found: "data at byte \(grouped(bytes))", remedy: Self.rewrite)
        default:
            Finding(
                .error, .headerLeadingSpace, "header starts with white space", file: file,
                expected: "'{' as the first byte of the header", found: "white space before it",
                remedy: Self.rewrite)
        }
    }

    private func textFinding(_ file: String) -> Finding {
        switch self {
        case .notUTF8:
            Finding(
                .error, .headerNotUTF8, "header is not text", file: file, expected: "UTF-8",
                found: "bytes that are not UTF-8", remedy: Self.again)
        case .notJSON(let error):
            Finding(
                .error, .headerNotJSON, "header is not JSON", file: file,
                expected: "JSON (RFC 8259) and nothing after it but white space",
                found: "\(error.message), at byte \(grouped(error.offset)) of the header", remedy: Self.again)
        case .notObject:
            Finding(
                .error, .headerNotObject, "header is not a JSON object", file: file,
                expected: "an object of tensors", found: "a value of another kind", remedy: Self.again)
        case .numberOutOfRange(let offset):
            Finding(
                .error, .headerNumberOutOfRange, "header holds a number beyond a double's range", file: file,
                expected: "magnitudes below 1.8e308", found: "more, at byte \(grouped(offset)) of the header",
                remedy: Self.rewrite)
        case .metadataNotStrings(let key):
            Finding(
                .error, .metadataNotStrings, "metadata of the shard are not strings", file: file,
                field: key.map { "__metadata__.\($0)" } ?? "__metadata__",
                expected: "an object of strings", found: "a value of another kind", remedy: Self.rewrite)
        case .metadataTwice:
            Finding(
                .error, .metadataTwice, "metadata of the shard stand twice", file: file,
                field: "__metadata__",
                expected: "one", found: "two or more", remedy: Self.rewrite)
        case .metadataKeyTwice(let key):
            Finding(
                .error, .metadataKeyTwice, "a key of the shard's metadata stands twice", file: file,
                field: "__metadata__.\(key)", expected: "one value", found: "two or more",
                remedy: Self.rewrite)
        default: entryFinding(file)
        }
    }

    private func nameFinding(_ file: String) -> Finding {
        switch self {
        case .tensorTwice(let tensor):
            Finding(
                .error, .tensorNameTwice, "a tensor stands twice in the header", file: file, tensor: tensor,
                expected: "each name once", found: "two entries, of which readers take one or the other",
                remedy: Self.rewrite)
        case .nameInvisible(let tensor, let scalar):
            Finding(
                .error, .tensorNameInvisible, "a tensor name holds an invisible character", file: file,
                tensor: tensor.unicodeScalars.reduce(into: "") { $0 += $1.escaped(asASCII: true) },
                expected: "printable characters",
                found: "U+" + String(0x10000 + scalar, radix: 16, uppercase: true).suffix(4),
                remedy: Self.rewrite)
        case .namePathLike(let tensor):
            Finding(
                .error, .tensorNamePathLike, "a tensor name reads like a path", file: file, tensor: tensor,
                expected: "a name without '/' and '\\', other than '.' and '..'", found: "\"\(tensor)\"",
                remedy: Self.rewrite)
        default:
            Finding(
                .error, .tensorNameEmpty, "a tensor has an empty name", file: file,
                expected: "a name of at least one character", found: "\"\"", remedy: Self.rewrite)
        }
    }
}
