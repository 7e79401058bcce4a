using System.Buffers.Binary;
using System.Text;
using Mewe.Execution.Wasmtime;

namespace Mewe.Execution.Tests;

/// <summary>A library that is missing or of another version is a value with a message, never a crash.</summary>
public sealed class WasmtimeLibraryTests(InProcess engine)
{
    [Fact]
    public void A_library_that_does_not_exist_is_named_with_the_variable_that_names_it()
    {
        Assert.False(WasmtimeLibrary.TryOpen("/nowhere/libwasmtime.so", out _, out var problem));
        Assert.Contains("/nowhere/libwasmtime.so does not exist", problem);
        Assert.Contains(WasmtimeLibrary.Variable, problem);
    }

    [Fact]
    public void A_file_that_is_no_library_is_not_loaded()
    {
        Assert.False(WasmtimeLibrary.TryOpen(typeof(WasmtimeLibraryTests).Assembly.Location, out _, out var problem));
        Assert.Contains("cannot be loaded", problem);
    }

    [Fact]
    public void Another_library_is_told_by_the_functions_that_it_lacks()
    {
        var other = Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, OperatingSystem.IsWindows() ? "clrjit.dll" : OperatingSystem.IsMacOS() ? "libclrjit.dylib" : "libclrjit.so");

        Assert.False(WasmtimeLibrary.TryOpen(other, out _, out var problem));
        Assert.Contains("has no function wasm", problem);
        Assert.Contains($"{WasmtimeVersion.Oldest} to {WasmtimeVersion.Newest}", problem);
    }

    [Fact]
    public void An_engine_without_its_library_says_what_to_do_and_starts_nothing()
    {
        var started = WasmtimeEngine.Start(new WasmtimeEngineOptions { LibraryPath = "/nowhere/libwasmtime.so" });

        Assert.Equal(EngineFailureKind.Unavailable, started.Failure?.Kind);
        Assert.DoesNotContain('\n', started.Failure!.Message);
    }

    [Theory]
    [InlineData("45", null)]
    [InlineData("50", null)]
    [InlineData("50.0.1", null)]
    [InlineData("44", "too old")]
    [InlineData("25.0.2", "too old")]
    [InlineData("51", "newer than this Mewe")]
    [InlineData("dev", "no version")]
    public void Versions_whose_interface_was_not_compared_are_refused(string version, string? problem)
    {
        if (problem is null)
        {
            Assert.Null(WasmtimeVersion.Problem(version));
        }
        else
        {
            Assert.Contains(problem, WasmtimeVersion.Problem(version));
        }
    }

    [Fact]
    public void The_version_is_read_from_a_serialized_module()
    {
        Assert.Equal("44", WasmtimeVersion.OfSerialized(Serialized("44")));
        Assert.Equal("26.0.1", WasmtimeVersion.OfSerialized(Serialized("26.0.1")));
        Assert.Null(WasmtimeVersion.OfSerialized(Serialized("")));
        Assert.Null(WasmtimeVersion.OfSerialized("no file of that kind"u8));
    }

    /// <summary>Every prefix and every changed byte of a file is read without a fault.</summary>
    [Fact]
    public void A_damaged_serialized_module_has_no_version_or_one()
    {
        var whole = Serialized("50");
        for (var i = 0; i < whole.Length; i++)
        {
            _ = WasmtimeVersion.OfSerialized(whole.AsSpan(0, i));
            var changed = whole.ToArray();
            changed[i] ^= 0xff;
            _ = WasmtimeVersion.OfSerialized(changed);
        }
    }

    [Fact]
    public void The_library_in_use_can_be_asked_for_again_and_no_other_one()
    {
        Assert.Equal("wasmtime", engine.Engine.Info.Name);
        Assert.True(WasmtimeLibrary.TryLoad(null, out var library, out _));
        Assert.Equal(engine.Engine.Info.Version, library.Version);
        Assert.False(WasmtimeLibrary.TryLoad("/elsewhere/libwasmtime.so", out _, out var problem));
        Assert.Contains("only one Wasmtime", problem);
    }

    // An ELF file with the section that names the version, and the section of the sections' names.
    private static byte[] Serialized(string version)
    {
        var names = "\0.names\0.wasmtime.engine\0"u8.ToArray();
        byte[] content = version.Length == 0 ? [] : [0, (byte)version.Length, .. Encoding.ASCII.GetBytes(version)];
        var file = new byte[64 + names.Length + content.Length + (2 * 64)];
        "\u007fELF\u0002\u0001\u0001"u8.CopyTo(file);
        names.CopyTo(file, 64);
        content.CopyTo(file, 64 + names.Length);
        var table = 64 + names.Length + content.Length;
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(40), (ulong)table);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(58), 64);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(60), 2);
        Section(table, 1, 64, names.Length);
        Section(table + 64, 8, 64 + names.Length, content.Length);
        return file;

        void Section(int at, uint name, int offset, int length)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), name);
            BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(at + 24), (ulong)offset);
            BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(at + 32), (ulong)length);
        }
    }
}
