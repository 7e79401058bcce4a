using System.Collections.Frozen;

namespace Mewe.Execution.Wasmtime;

/// <summary>Which features an engine has: a minimal module for each is validated, the same as in Node/Worker/features.js.</summary>
internal static class FeatureProbes
{
    private static readonly byte[] Preamble = [0, (byte)'a', (byte)'s', (byte)'m', 1, 0, 0, 0];
    private static readonly byte[] NothingToNothing = Type(1, 0x60, 0, 0);
    private static readonly byte[] OneFunction = [3, 2, 1, 0];
    private static readonly byte[] ZeroVector = [0xfd, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>The features of which the probe is valid.</summary>
    public static FrozenSet<WasmFeature> Find(Func<byte[], bool> valid) =>
        Enum.GetValues<WasmFeature>().Where(feature => valid([.. Preamble, .. Probe(feature)])).ToFrozenSet();

    private static byte[] Probe(WasmFeature feature) => feature switch
    {
        WasmFeature.Simd => OneBody([.. ZeroVector, 0x1a]),
        WasmFeature.RelaxedSimd => OneBody([.. ZeroVector, .. ZeroVector, 0xfd, 0x80, 0x02, 0x1a]), // i8x16.relaxed_swizzle
        WasmFeature.Threads => [.. NothingToNothing, .. OneFunction, .. Memory(1, 3, 1, 1), .. Code([0x41, 0, 0xfe, 0x10, 2, 0, 0x1a])], // i32.atomic.load
        WasmFeature.TailCall => OneBody([0x12, 0]),
        WasmFeature.Exceptions => OneBody([0x1f, 0x40, 1, 2, 0, 0x0b]), // try_table (catch_all 0)
        WasmFeature.LegacyExceptions => OneBody([0x06, 0x40, 0x19, 0x0b]), // try catch_all end
        WasmFeature.Memory64 => Memory(1, 4, 1),
        WasmFeature.MultiMemory => Memory(2, 0, 1, 0, 1),
        WasmFeature.Gc => Type(1, 0x5f, 1, 0x7f, 0), // a struct type
        WasmFeature.FunctionReferences => Type(2, 0x60, 0, 0, 0x60, 1, 0x64, 0, 0), // a parameter of type (ref 0)
        _ => throw new ArgumentOutOfRangeException(nameof(feature), feature, "no probe is known"),
    };

    private static byte[] Type(params byte[] content) => [1, (byte)content.Length, .. content];

    private static byte[] Memory(params byte[] content) => [5, (byte)content.Length, .. content];

    private static byte[] Code(byte[] body) => [10, (byte)(body.Length + 4), 1, (byte)(body.Length + 2), 0, .. body, 0x0b];

    private static byte[] OneBody(byte[] body) => [.. NothingToNothing, .. OneFunction, .. Code(body)];
}
