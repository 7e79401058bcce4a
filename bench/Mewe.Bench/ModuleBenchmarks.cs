using BenchmarkDotNet.Attributes;
using Mewe.Wasm;
using Mewe.Wasm.Binary;
using Mewe.Wasm.Validation;

namespace Mewe.Bench;

/// <summary>Reading, decoding, validating and writing modules.</summary>
[Config(typeof(MegabytesPerSecond))]
[MemoryDiagnoser]
public class ModuleBenchmarks
{
    private byte[] bytes = [];
    private WasmModule module = new();
    private WasmModule rewritten = new();

    [Params("encrypt", "qr_str")]
    public string Sample { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        bytes = Samples.Bytes(Sample);
        module = ModuleReader.TryRead(bytes, out _)!;

        // Every body made anew, so that writing has something to encode.
        rewritten = module.Clone();
        for (var i = 0; i < rewritten.Bodies.Count; i++)
        {
            rewritten.Bodies[i] = new FunctionBody(rewritten.Bodies[i].Decode());
        }
    }

    [Benchmark]
    public WasmModule? Read() => ModuleReader.TryRead(bytes, out _);

    [Benchmark]
    public int DecodeBodies() => module.Bodies.Sum(body => body.Decode().Instructions.Length);

    [Benchmark]
    public WasmError? Validate() => ModuleValidator.Validate(module, CancellationToken.None);

    [Benchmark]
    public byte[] WriteUntouched() => ModuleWriter.Write(module);

    [Benchmark]
    public int EncodeAndWrite()
    {
        var copy = rewritten.Clone();
        for (var i = 0; i < copy.Bodies.Count; i++)
        {
            copy.Bodies[i] = new FunctionBody(copy.Bodies[i].Decode());
        }

        return ModuleWriter.Write(copy).Length;
    }
}
