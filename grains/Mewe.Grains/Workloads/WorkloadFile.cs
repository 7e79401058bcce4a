using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mewe.Execution;

namespace Mewe.Grains;

/// <summary>A workload file (samples/README.md describes the format) as what an engine can run, in order.</summary>
/// <param name="Description">What the file says that it exercises; may be empty.</param>
/// <param name="Runs">Each runs in a fresh instance: one per command, then all requests together, then all calls together.</param>
public sealed record WorkloadFile(string Description, ImmutableArray<Workload> Runs)
{
    /// <summary>The JSON that it was read from, so that it can be handed to another machine; empty for the default one.</summary>
    public ReadOnlyMemory<byte> Source { get; private init; }

    /// <summary>What is run where the user gave no workload: a command is run once with nothing on standard input; anything else is not run.</summary>
    public static WorkloadFile Default(bool isCommand) => new("default", isCommand ? [new CommandWorkload()] : []);

    /// <exception cref="WorkloadFormatException">The file is no workload; the message says what and where.</exception>
    public static WorkloadFile Parse(ReadOnlySpan<byte> json)
    {
        WorkloadJson? file;
        try
        {
            file = JsonSerializer.Deserialize(json, WorkloadJsonContext.Default.WorkloadJson);
        }
        catch (JsonException exception)
        {
            throw new WorkloadFormatException(JsonProblem.Explain(exception));
        }

        if (file is null)
        {
            throw new WorkloadFormatException("the file holds null");
        }

        var runs = ImmutableArray.CreateBuilder<Workload>();
        for (var i = 0; i < (file.Commands?.Length ?? 0); i++)
        {
            var command = Present(file.Commands![i], $"commands[{i}]");
            runs.Add(new CommandWorkload
            {
                Args = Texts(command.Args, $"commands[{i}].args"),
                Env = Texts(command.Env, $"commands[{i}].env"),
                Stdin = Bytes(command.Stdin, command.StdinBase64, $"commands[{i}].stdin"),
            });
        }

        if (file.Requests is { Length: > 0 } requests)
        {
            runs.Add(new ReactorWorkload([.. requests.Select((request, i) => Request(Present(request, $"requests[{i}]"), $"requests[{i}]"))]));
        }

        if (file.Calls is { Length: > 0 } calls)
        {
            runs.Add(new ExportCallsWorkload([.. calls.Select((call, i) => Call(Present(call, $"calls[{i}]"), $"calls[{i}]"))]));
        }

        return runs.Count > 0
            ? new WorkloadFile(file.Description ?? "", runs.ToImmutable()) { Source = json.ToArray() }
            : throw new WorkloadFormatException("the file has none of \"commands\", \"requests\" and \"calls\"");
    }

    private static ReadOnlyMemory<byte> Request(RequestJson request, string where) => Bytes(request.Text, request.Base64, where);

    private static ExportCall Call(CallJson call, string where) => new(
        call.Export ?? throw new WorkloadFormatException($"{where} names no export"),
        [.. Texts(call.Args, $"{where}.args").Select((argument, i) => Argument(argument, $"{where}.args[{i}]"))]);

    private static ImmutableArray<string> Texts(string?[]? texts, string where) => [.. (texts ?? []).Select((text, i) => Present(text, $"{where}[{i}]"))];

    /// <summary>JSON lists may hold null, whatever the types here say.</summary>
    private static T Present<T>(T? item, string where)
        where T : class => item ?? throw new WorkloadFormatException($"{where} is null");

    private static byte[] Bytes(string? text, string? base64, string where)
    {
        if (base64 is null)
        {
            return Encoding.UTF8.GetBytes(text ?? "");
        }

        if (text is not null)
        {
            throw new WorkloadFormatException($"{where} is given both as text and as base64");
        }

        try
        {
            return Convert.FromBase64String(base64);
        }
        catch (FormatException)
        {
            throw new WorkloadFormatException($"{where} is no base64");
        }
    }

    /// <summary>An argument is written <c>type:value</c>, numbers in decimal or 0x hexadecimal; floats in decimal, or <c>bits</c> after 0x.</summary>
    private static WasmValue Argument(string text, string where)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var type = colon < 0 ? "" : text[..colon];
        var value = text[(colon + 1)..];
        try
        {
            return type switch
            {
                "i32" => WasmValue.I32(unchecked((int)(long)Integer(value, int.MinValue, uint.MaxValue))),
                "i64" => WasmValue.I64(unchecked((long)Integer(value, long.MinValue, ulong.MaxValue))),
                "f32" => value.StartsWith("0x", StringComparison.Ordinal)
                    ? WasmValue.F32Bits(uint.Parse(value.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture))
                    : WasmValue.F32(float.Parse(value, CultureInfo.InvariantCulture)),
                "f64" => value.StartsWith("0x", StringComparison.Ordinal)
                    ? WasmValue.F64Bits(ulong.Parse(value.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture))
                    : WasmValue.F64(double.Parse(value, CultureInfo.InvariantCulture)),
                _ => throw new WorkloadFormatException($"{where} is \"{text}\"; write i32:1, i64:-2, f32:0.5 or f64:0.5"),
            };
        }
        catch (Exception exception) when (exception is FormatException or OverflowException)
        {
            throw new WorkloadFormatException($"{where} is \"{text}\", which is no {type}");
        }
    }

    /// <summary>Signed or unsigned, as the user likes to write it, within the bits of the type.</summary>
    private static Int128 Integer(string text, Int128 minimum, Int128 maximum)
    {
        var value = text.StartsWith("0x", StringComparison.Ordinal)
            ? Int128.Parse("0" + text[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture)
            : Int128.Parse(text, CultureInfo.InvariantCulture);
        return value >= minimum && value <= maximum ? value : throw new OverflowException();
    }
}

/// <summary>A workload file that cannot be used, and why.</summary>
public sealed class WorkloadFormatException(string message) : Exception(message);

internal sealed record WorkloadJson(string? Description, CommandJson?[]? Commands, RequestJson?[]? Requests, CallJson?[]? Calls);

internal sealed record CommandJson(string?[]? Args, string?[]? Env, string? Stdin, string? StdinBase64);

internal sealed record RequestJson(string? Text, string? Base64);

internal sealed record CallJson(string? Export, string?[]? Args);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    ReadCommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true)]
[JsonSerializable(typeof(WorkloadJson))]
internal sealed partial class WorkloadJsonContext : JsonSerializerContext;
