using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.InteropServices;
using Mewe.Execution.Wasmtime.Native;

namespace Mewe.Execution.Wasmtime;

/// <summary>
/// Wasmtime's native library: <c>MEWE_LIBWASMTIME</c>, else beside Mewe's own assembly (where the NuGet package <c>Wasmtime</c> puts it), else on the system's library path. It is loaded once per process and stays.
/// </summary>
/// <remarks>Nothing of a library is called before everything that Mewe calls was found in it and its version was checked (<see cref="WasmtimeVersion"/>), except for the few functions that the check itself needs.</remarks>
public sealed class WasmtimeLibrary
{
    /// <summary>The environment variable that names the library's file.</summary>
    public const string Variable = "MEWE_LIBWASMTIME";

    private static readonly Lock Gate = new();
    private static WasmtimeLibrary? loaded;

    private readonly nint handle;
    private readonly Lazy<bool> hasBaselineCompiler;

    private WasmtimeLibrary(nint handle, string origin, string version)
    {
        this.handle = handle;
        Origin = origin;
        Version = version;
        hasBaselineCompiler = new Lazy<bool>(() =>
            RuntimeInformation.ProcessArchitecture == Architecture.X64 && Path.IsPathRooted(origin) && File.Exists(origin) && File.ReadAllBytes(origin).AsSpan().IndexOf("winch/codegen/src"u8) >= 0);
    }

    /// <summary>Where it was found: a path, or the name that the system's loader resolved.</summary>
    public string Origin { get; }

    /// <summary>Its version, such as <c>50</c>.</summary>
    public string Version { get; }

    /// <summary>
    /// Whether it has Winch, the baseline compiler. The interface does not tell, and asking a library without it for it would end the process; but the places in the source that a panic names are part of the file. Not
    /// known, so false, where the system's loader found the library.
    /// </summary>
    internal bool HasBaselineCompiler => hasBaselineCompiler.Value;

    private static string FileName => OperatingSystem.IsWindows() ? "wasmtime.dll" : OperatingSystem.IsMacOS() ? "libwasmtime.dylib" : "libwasmtime.so";

    /// <summary>Loads the library for this process, or says in one line why it cannot be used and what to do.</summary>
    /// <param name="path">The library's file; null to look for it.</param>
    public static bool TryLoad(string? path, [NotNullWhen(true)] out WasmtimeLibrary? library, [NotNullWhen(false)] out string? problem)
    {
        lock (Gate)
        {
            problem = null;
            library = loaded;
            path ??= Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named ? named : null;
            path = path is null ? null : Path.GetFullPath(path);
            if (library is not null)
            {
                if (path is null || library.Origin == path)
                {
                    return true;
                }

                problem = $"this process uses {library.Origin} already, and a process can use only one Wasmtime";
                library = null;
                return false;
            }

            if (!TryOpen(path, out library, out problem))
            {
                return false;
            }

            loaded = library;
            NativeLibrary.SetDllImportResolver(typeof(WasmtimeLibrary).Assembly, Resolve);
            return true;
        }
    }

    /// <summary>Opens and checks a library without choosing it for the process.</summary>
    internal static bool TryOpen(string? path, [NotNullWhen(true)] out WasmtimeLibrary? library, [NotNullWhen(false)] out string? problem)
    {
        library = null;
        if (path is not null && !File.Exists(path))
        {
            problem = $"{path} does not exist; correct {Variable}, or unset it";
            return false;
        }

        var handle = Find(path, out var origin);
        if (handle == 0)
        {
            problem = path is null
                ? $"{FileName} was not found: take it from a release of Wasmtime {WasmtimeVersion.Newest} (the archive \"c-api\") or from your distribution, and set {Variable} to its path or put it beside Mewe"
                : $"{path} cannot be loaded as a library";
            return false;
        }

        var missing = Functions.Append("wasm_engine_new").FirstOrDefault(name => !NativeLibrary.TryGetExport(handle, name, out _));
        var version = missing is null ? Probe(handle) : null;
        problem = missing is not null ? $"{origin} has no function {missing}: it is no Wasmtime, or none of versions {WasmtimeVersion.Oldest} to {WasmtimeVersion.Newest}, or it was built without a part that is needed"
            : version is null ? $"{origin} does not tell its version"
            : WasmtimeVersion.Problem(version) is { } unfit ? $"{origin} cannot be used: {unfit}"
            : null;
        if (problem is not null)
        {
            return false; // and it stays loaded: unloading a library that may have started threads is not safe
        }

        library = new WasmtimeLibrary(handle, origin, version!);
        return true;
    }

    private static IEnumerable<string> Functions => typeof(Api).GetMethods(BindingFlags.Static | BindingFlags.Public)
        .Select(method => method.GetCustomAttribute<LibraryImportAttribute>()?.EntryPoint)
        .OfType<string>();

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath) => name == Api.Library ? loaded?.handle ?? 0 : 0;

    private static nint Find(string? path, out string origin)
    {
        var beside = Path.Combine(AppContext.BaseDirectory, FileName);
        var fromPackage = Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native", FileName);
        string[] candidates = path is not null ? [path] : [beside, fromPackage, FileName];
        foreach (var candidate in candidates)
        {
            if (NativeLibrary.TryLoad(candidate, out var handle))
            {
                origin = candidate;
                return handle;
            }
        }

        origin = FileName;
        return 0;
    }

    // The version that the library writes into what it serializes. These functions are called before it is known which version it is.
    private static unsafe string? Probe(nint library)
    {
        var newEngine = (delegate* unmanaged[Cdecl]<nint>)NativeLibrary.GetExport(library, "wasm_engine_new");
        var deleteEngine = (delegate* unmanaged[Cdecl]<nint, void>)NativeLibrary.GetExport(library, "wasm_engine_delete");
        var newModule = (delegate* unmanaged[Cdecl]<nint, byte*, nuint, nint*, nint>)NativeLibrary.GetExport(library, "wasmtime_module_new");
        var deleteModule = (delegate* unmanaged[Cdecl]<nint, void>)NativeLibrary.GetExport(library, "wasmtime_module_delete");
        var serialize = (delegate* unmanaged[Cdecl]<nint, ByteVector*, nint>)NativeLibrary.GetExport(library, "wasmtime_module_serialize");
        var deleteBytes = (delegate* unmanaged[Cdecl]<ByteVector*, void>)NativeLibrary.GetExport(library, "wasm_byte_vec_delete");
        var deleteError = (delegate* unmanaged[Cdecl]<nint, void>)NativeLibrary.GetExport(library, "wasmtime_error_delete");
        var engine = newEngine();
        if (engine == 0)
        {
            return null;
        }

        string? version = null;
        ReadOnlySpan<byte> empty = [0, (byte)'a', (byte)'s', (byte)'m', 1, 0, 0, 0];
        nint module = 0;
        nint error;
        fixed (byte* wasm = empty)
        {
            error = newModule(engine, wasm, (nuint)empty.Length, &module);
        }

        if (error == 0)
        {
            ByteVector bytes;
            error = serialize(module, &bytes);
            if (error == 0)
            {
                version = WasmtimeVersion.OfSerialized(bytes.Span);
                deleteBytes(&bytes);
            }

            deleteModule(module);
        }

        if (error != 0)
        {
            deleteError(error);
        }

        deleteEngine(engine);
        return version;
    }
}
