// Findings about one tensor of a header: its entry, and its place in the data.

import Diagnostics
import Documents
import Tensors

extension HeaderError {
    private static let rewrite = "write the shard again with a current safetensors, or use its original"

    /// A fault in what the entry of a tensor says.
    func entryFinding(_ file: String) -> Finding {
        switch self {
        case .entryNotObject(let tensor):
            entry(
                .entryNotObject, "a tensor's entry is not an object", file, tensor, nil, "an object",
                "another kind")
        case .entryAsArray(let tensor):
            entry(
                .entryAsArray, "a tensor's entry is a list", file, tensor, nil,
                "an object with dtype, shape and data_offsets", "a list, which only some readers take")
        case .fieldMissing(let tensor, let field):
            entry(
                .fieldMissing, "a tensor's entry lacks a field", file, tensor, field, "\"\(field)\"",
                "no such field")
        case .fieldTwice(let tensor, let field):
            entry(
                .fieldTwice, "a field of a tensor stands twice", file, tensor, field, "one value",
                "two or more")
        case .fieldUnknown(let tensor, let field):
            entry(
                .fieldUnknown, "a tensor's entry has a field that the format does not know", file, tensor,
                field,
                "dtype, shape and data_offsets only", "\"\(field)\"")
        case .dtypeNotString(let tensor):
            entry(
                .dtypeNotString, "an element type is not a string", file, tensor, "dtype", "a string",
                "another kind")
        case .dtypeAsObject(let tensor):
            entry(
                .dtypeAsObject, "an element type is an object", file, tensor, "dtype", "a string",
                "an object, which only some readers take")
        case .dtypeUnknown(let tensor, let found):
            Finding(
                .error, .dtypeUnknown, "an element type is not known", file: file, tensor: tensor,
                field: "dtype", expected: DType.allCases.map(\.rawValue).joined(separator: " "),
                found: "\"\(found)\"",
                remedy: nearMiss(found, among: DType.allCases.map(\.rawValue)).map {
                    "did you mean \"\($0)\"?"
                }
                    ?? Self.rewrite)
        case .shapeMalformed(let tensor):
            entry(
                .shapeMalformed, "a shape is not a list of whole numbers", file, tensor, "shape",
                "a list of whole numbers from 0 to 2^64 − 1", "something else")
        default:
            entry(
                .offsetsMalformed, "data offsets are not a pair of whole numbers", file, offsetsTensor,
                "data_offsets", "[begin, end], whole numbers from 0 to 2^64 − 1", "something else")
        }
    }

    private var offsetsTensor: String? {
        if case .offsetsMalformed(let tensor) = self { tensor } else { nil }
    }

    private func entry(
        _ code: DiagnosticCode, _ what: String, _ file: String, _ tensor: String?, _ field: String?,
        _ expected: String, _ found: String
    ) -> Finding {
        Finding(
            .error, code, what, file: file, tensor: tensor, field: field, expected: expected, found: found,
            remedy: Self.rewrite)
    }

    /// A fault in where tensors lie, or in how large they are.
    func layoutFinding(_ file: String) -> Finding {
        switch self {
        case .gap(let tensor, let expected, let found):
            place(
                .tensorGap, "bytes before a tensor belong to no tensor", file, tensor,
                "a start at data byte \(grouped(expected))",
                "\(grouped(found)) (\(grouped(found - expected)) bytes later)")
        case .overlap(let tensor, let expected, let found):
            place(
                .tensorOverlap, "a tensor begins inside the one before it", file, tensor,
                "a start at data byte \(grouped(expected))",
                "\(grouped(found)) (\(grouped(expected - found)) bytes earlier)")
        case .endsBeforeItBegins(let tensor, let begin, let end):
            place(
                .tensorEndsFirst, "a tensor ends before it begins", file, tensor,
                "an end at data byte \(grouped(begin)) or after", grouped(end))
        case .shapeOverflows(let tensor, let dtype, let dimensions):
            place(
                .shapeOverflows, "a tensor is larger than any file", file,
                "\(tensor) [\(dimensions.map { String($0) }.joined(separator: ", "))] \(dtype.rawValue)",
                "fewer than 2^64 bits", "more")
        case .partialByte(let tensor, let dtype, let shape):
            place(
                .partialByte, "a tensor does not fill whole bytes", file,
                "\(tensor) \(shape) \(dtype.rawValue)",
                "a multiple of 8 bits", "elements of \(dtype.bits) bits that end inside a byte")
        case .sizeDiffers(let tensor, let dtype, let shape, let expected, let found):
            place(
                .tensorSizeDiffers, "a tensor's size is not that of its shape", file,
                "\(tensor) \(shape) \(dtype.rawValue)",
                "\(grouped(expected)) bytes from shape and element type",
                "\(grouped(found)) bytes from data_offsets")
        case .tensorUnaligned(let tensor, let dtype, let begin):
            place(
                .tensorUnaligned, "a tensor does not start at a multiple of its element's width", file,
                "\(tensor) \(dtype.rawValue)", "a multiple of \(dtype.alignment) bytes",
                "data byte \(grouped(begin))")
        case .dimensionTooLarge(let tensor, let dimension, let limit):
            place(
                .dimensionTooLarge, "a dimension is larger than the format's schema allows", file, tensor,
                "at most \(grouped(limit))", grouped(dimension))
        default: entryFinding(file)
        }
    }

    private func place(
        _ code: DiagnosticCode, _ what: String, _ file: String, _ tensor: String, _ expected: String,
        _ found: String
    ) -> Finding {
        Finding(
            .error, code, what, file: file, tensor: tensor, expected: expected, found: found,
            remedy: Self.rewrite)
    }
}
