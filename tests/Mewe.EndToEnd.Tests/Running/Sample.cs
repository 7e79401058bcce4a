using Mewe.Grains;
using Mewe.Wasm;
using Mewe.Wasm.Binary;
using Mewe.Wasm.Validation;

namespace Mewe.EndToEnd.Tests.Running;

/// <summary>The modules and workloads of samples/, which are copied beside the tests.</summary>
internal static class Sample
{
    public static readonly string[] Names = ["encrypt", "decrypt", "random", "invert", "bin2base64", "qr_str", "qr_img"];

    public static string ModulePath(string name) => Path.Combine(AppContext.BaseDirectory, "samples", name + ".wasm");

    public static string WorkloadPath(string name) => Path.Combine(AppContext.BaseDirectory, "samples", name + ".workload.json");

    public static WorkloadFile Workload(string name) => WorkloadFile.Parse(File.ReadAllBytes(WorkloadPath(name)));
}

/// <summary>Modules from bytes, for tests that look into them or damage them.</summary>
internal static class ModuleBytes
{
    public static WasmModule Read(ReadOnlyMemory<byte> bytes)
    {
        var module = ModuleReader.TryRead(bytes, out var error);
        Assert.Null(error);
        return module!;
    }

    public static WasmModule Read(string path) => Read(File.ReadAllBytes(path));

    /// <summary>Writes a module that must still be valid: what is tested is what comes after validation.</summary>
    public static byte[] WriteValid(WasmModule module)
    {
        var bytes = ModuleWriter.Write(module);
        Assert.Null(ModuleValidator.Validate(Read(bytes), CancellationToken.None));
        return bytes;
    }
}
