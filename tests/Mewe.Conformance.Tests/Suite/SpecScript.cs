using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Mewe.Execution;

namespace Mewe.Conformance.Tests.Suite;

/// <summary>A script of the suite: its commands in order.</summary>
public sealed record SpecScript(ImmutableArray<SpecCommand> Commands)
{
    /// <summary>Reads the JSON form of a script; the dialect is described in the suite's README.</summary>
    public static SpecScript Parse(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        return new SpecScript([.. document.RootElement.GetProperty("commands").EnumerateArray().Select(Command)]);
    }

    private static SpecCommand Command(JsonElement json) => Text(json, "type") switch
    {
        "module" => new SpecCommand.Module(Name(json, "name"), Binary(json)!) { Line = Line(json) },
        "module_definition" => new SpecCommand.Definition(Name(json, "name"), Binary(json)!) { Line = Line(json) },
        "module_instance" => new SpecCommand.Instance(Name(json, "instance"), Name(json, "module")) { Line = Line(json) },
        "register" => new SpecCommand.Register(Text(json, "as"), Name(json, "name")) { Line = Line(json) },
        "action" => new SpecCommand.Act(Action(json), new Expectation.Returns(null)) { Line = Line(json) },
        "assert_return" => new SpecCommand.Act(Action(json), new Expectation.Returns([.. json.GetProperty("expected").EnumerateArray().Select(Expected)])) { Line = Line(json), Asserts = true },
        "assert_trap" => new SpecCommand.Act(Action(json), new Expectation.Traps(Text(json, "text"))) { Line = Line(json), Asserts = true },
        "assert_exhaustion" => new SpecCommand.Act(Action(json), new Expectation.Traps(Text(json, "text"))) { Line = Line(json), Asserts = true },
        "assert_exception" => new SpecCommand.Act(Action(json), new Expectation.Throws()) { Line = Line(json), Asserts = true },
        "assert_uninstantiable" => new SpecCommand.Reject(Binary(json), ModuleFault.Uninstantiable, Text(json, "text")) { Line = Line(json), Asserts = true },
        "assert_unlinkable" => new SpecCommand.Reject(Binary(json), ModuleFault.Unlinkable, Text(json, "text")) { Line = Line(json), Asserts = true },
        "assert_invalid" => new SpecCommand.Reject(Binary(json), ModuleFault.Invalid, Text(json, "text")) { Line = Line(json), Asserts = true },
        "assert_malformed" => new SpecCommand.Reject(Binary(json), ModuleFault.Malformed, Text(json, "text")) { Line = Line(json), Asserts = true },
        "assert_malformed_custom" or "assert_invalid_custom" => new SpecCommand.Reject(null, ModuleFault.Malformed, Text(json, "text")) { Line = Line(json), Asserts = true },
        var other => throw new InvalidDataException($"unknown command {other} in line {Line(json)}"),
    };

    private static int Line(JsonElement json) => json.GetProperty("line").GetInt32();

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString()!;

    private static string? Name(JsonElement json, string name) => json.TryGetProperty(name, out var value) ? value.GetString() : null;

    // A quoted module that should parse has its binary beside it; one that should not has none.
    private static string? Binary(JsonElement json) => Name(json, "module_type") == "binary" ? Name(json, "filename") : Name(json, "binary_filename");

    private static SpecAction Action(JsonElement command)
    {
        var json = command.GetProperty("action");
        var arguments = json.TryGetProperty("args", out var args) ? args.EnumerateArray().Select(Argument).ToImmutableArray() : [];
        return new SpecAction(Text(json, "type") == "get", Name(json, "module"), Text(json, "field"), arguments);
    }

    private static WasmValue Argument(JsonElement json) => Text(json, "type") switch
    {
        "v128" => Vector(Lanes(json), json),
        _ when Text(json, "value") == "null" => WasmValue.Null,
        "i32" or "i64" or "f32" or "f64" => Number(Text(json, "type"), Text(json, "value")),
        _ => WasmValue.HostRef(uint.Parse(Text(json, "value"), CultureInfo.InvariantCulture)),
    };

    private static ExpectedValue Expected(JsonElement json)
    {
        var type = Text(json, "type");
        if (type == "either")
        {
            return new ExpectedValue.Either([.. json.GetProperty("values").EnumerateArray().Select(Expected)]);
        }

        if (type == "v128")
        {
            return new ExpectedValue.Vector(LaneBytes(json), [.. Lanes(json).Select(lane => LaneOf(json, lane))]);
        }

        var value = Name(json, "value");
        return type switch
        {
            "f32" or "f64" when value!.StartsWith("nan:", StringComparison.Ordinal) =>
                new ExpectedValue.NotANumber(type == "f32" ? WasmValueKind.F32 : WasmValueKind.F64, value == "nan:canonical"),
            "i32" when value is null => new ExpectedValue.OfKind([WasmValueKind.I32]),
            "i32" or "i64" or "f32" or "f64" => new ExpectedValue.Exactly(Number(type, value!)),
            _ when value == "null" => new ExpectedValue.Exactly(WasmValue.Null),
            _ when value is not null => new ExpectedValue.Exactly(WasmValue.HostRef(uint.Parse(value, CultureInfo.InvariantCulture))),
            "refnull" or "nullref" or "nullfuncref" or "nullexternref" or "nullexnref" => new ExpectedValue.Exactly(WasmValue.Null),
            "funcref" => new ExpectedValue.OfKind([WasmValueKind.FuncRef]),
            "externref" => new ExpectedValue.OfKind([WasmValueKind.ExternRef, WasmValueKind.HostRef]),
            "exnref" => new ExpectedValue.OfKind([WasmValueKind.ExnRef]),
            "i31ref" => new ExpectedValue.OfKind([WasmValueKind.I31Ref]),
            "structref" => new ExpectedValue.OfKind([WasmValueKind.StructRef]),
            "arrayref" => new ExpectedValue.OfKind([WasmValueKind.ArrayRef]),
            "eqref" => new ExpectedValue.OfKind([WasmValueKind.I31Ref, WasmValueKind.StructRef, WasmValueKind.ArrayRef]),
            "anyref" => new ExpectedValue.OfKind([WasmValueKind.I31Ref, WasmValueKind.StructRef, WasmValueKind.ArrayRef, WasmValueKind.AnyRef, WasmValueKind.HostRef]),
            _ => throw new InvalidDataException($"unknown expected type {type}"),
        };
    }

    private static WasmValue Number(string type, string value) => type switch
    {
        "i32" => WasmValue.I32((int)Bits(value)),
        "i64" => WasmValue.I64((long)Bits(value)),
        "f32" => WasmValue.F32Bits((uint)Bits(value)),
        _ => WasmValue.F64Bits(Bits(value)),
    };

    // Signed and unsigned decimal numbers both occur.
    private static ulong Bits(string value) => value.StartsWith('-')
        ? (ulong)long.Parse(value, CultureInfo.InvariantCulture)
        : ulong.Parse(value, CultureInfo.InvariantCulture);

    private static int LaneBytes(JsonElement json) => Text(json, "lane_type") switch { "i8" => 1, "i16" => 2, "i32" or "f32" => 4, _ => 8 };

    private static IEnumerable<string> Lanes(JsonElement json) => json.GetProperty("value").EnumerateArray().Select(lane => lane.GetString()!);

    private static ExpectedLane LaneOf(JsonElement json, string lane) => lane switch
    {
        "nan:canonical" => new ExpectedLane(0, NanKind.Canonical),
        "nan:arithmetic" => new ExpectedLane(0, NanKind.Arithmetic),
        _ => new ExpectedLane(LaneBits(lane, LaneBytes(json)), NanKind.None),
    };

    private static ulong LaneBits(string lane, int bytes) => bytes == 8 ? Bits(lane) : Bits(lane) & ((1UL << (8 * bytes)) - 1);

    private static WasmValue Vector(IEnumerable<string> lanes, JsonElement json)
    {
        var bytes = LaneBytes(json);
        UInt128 bits = 0;
        var shift = 0;
        foreach (var lane in lanes)
        {
            bits |= (UInt128)LaneBits(lane, bytes) << shift;
            shift += 8 * bytes;
        }

        return WasmValue.V128((ulong)bits, (ulong)(bits >> 64));
    }
}
