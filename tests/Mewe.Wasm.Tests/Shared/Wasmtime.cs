using System.Runtime.InteropServices;
using System.Text;

namespace Mewe.Wasm.Tests.Shared;

/// <summary>The text parser and the validator of Wasmtime: a second opinion on both.</summary>
internal sealed unsafe class Wasmtime
{
    private static readonly Lock Gate = new();
    private static Wasmtime? loaded;

    private readonly delegate* unmanaged<byte*, nuint, ByteVector*, nint> wat2wasm;
    private readonly delegate* unmanaged<nint, byte*, nuint, nint> validate;
    private readonly delegate* unmanaged<nint, ByteVector*, void> errorMessage;
    private readonly delegate* unmanaged<nint, void> errorDelete;
    private readonly delegate* unmanaged<ByteVector*, void> vectorDelete;
    private readonly nint engine;

    [StructLayout(LayoutKind.Sequential)]
    private struct ByteVector
    {
        public nuint Size;
        public byte* Data;
    }

    private Wasmtime(string path)
    {
        var library = NativeLibrary.Load(path);
        nint Symbol(string name) => NativeLibrary.GetExport(library, name);
        wat2wasm = (delegate* unmanaged<byte*, nuint, ByteVector*, nint>)Symbol("wasmtime_wat2wasm");
        validate = (delegate* unmanaged<nint, byte*, nuint, nint>)Symbol("wasmtime_module_validate");
        errorMessage = (delegate* unmanaged<nint, ByteVector*, void>)Symbol("wasmtime_error_message");
        errorDelete = (delegate* unmanaged<nint, void>)Symbol("wasmtime_error_delete");
        vectorDelete = (delegate* unmanaged<ByteVector*, void>)Symbol("wasm_byte_vec_delete");
        var config = ((delegate* unmanaged<nint>)Symbol("wasm_config_new"))();
        foreach (var feature in (string[])["threads", "tail_call", "reference_types", "function_references", "gc", "simd", "relaxed_simd", "bulk_memory", "multi_value", "multi_memory", "memory64", "exceptions", "shared_memory"])
        {
            if (NativeLibrary.TryGetExport(library, $"wasmtime_config_wasm_{feature}_set", out var set) || NativeLibrary.TryGetExport(library, $"wasmtime_config_{feature}_set", out set))
            {
                ((delegate* unmanaged<nint, byte, void>)set)(config, 1);
            }
        }

        engine = ((delegate* unmanaged<nint, nint>)Symbol("wasm_engine_new_with_config"))(config);
    }

    public static Wasmtime Load(string notRun)
    {
        lock (Gate)
        {
            if (loaded is not null)
            {
                return loaded;
            }

            var path = Environment.GetEnvironmentVariable("MEWE_LIBWASMTIME");
            if (string.IsNullOrEmpty(path) || !File.Exists(path))
            {
                var archive = XzArchive.Read(SharedFolder.Require(notRun, "native", "wasmtime", "libwasmtime.tar.xz"));
                path = Path.GetTempFileName();
                File.WriteAllBytes(path, archive.Single(file => file.Key.EndsWith("libwasmtime.so", StringComparison.Ordinal)).Value);
                loaded = new Wasmtime(path);

                // Once loaded, the library needs no name.
                File.Delete(path);
            }

            return loaded ??= new Wasmtime(path);
        }
    }

    /// <summary>The module that a text means, or why it is none.</summary>
    public (byte[]? Bytes, string? Error) Parse(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        ByteVector result = default;
        fixed (byte* start = bytes)
        {
            var error = wat2wasm(start, (nuint)bytes.Length, &result);
            return error == 0 ? (Take(result), null) : (null, Message(error));
        }
    }

    /// <summary>Null for a module that Wasmtime finds valid, else why not.</summary>
    public string? Validate(byte[] module)
    {
        fixed (byte* start = module)
        {
            var error = validate(engine, start, (nuint)module.Length);
            return error == 0 ? null : Message(error);
        }
    }

    private string Message(nint error)
    {
        ByteVector message = default;
        errorMessage(error, &message);
        errorDelete(error);
        return Encoding.UTF8.GetString(Take(message));
    }

    private byte[] Take(ByteVector vector)
    {
        var bytes = new ReadOnlySpan<byte>(vector.Data, (int)vector.Size).ToArray();
        vectorDelete(&vector);
        return bytes;
    }
}
