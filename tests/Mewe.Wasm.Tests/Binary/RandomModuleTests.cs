using Mewe.Wasm.Binary;
using Mewe.Wasm.Tests.Shared;
using Mewe.Wasm.Validation;

namespace Mewe.Wasm.Tests.Binary;

public sealed class RandomModuleTests
{
    [Fact]
    public void Random_modules_are_read_as_they_were_written_and_written_back_byte_for_byte()
    {
        for (var seed = 0; seed < 2_000; seed++)
        {
            var module = RandomModules.Make(seed);
            var bytes = ModuleWriter.Write(module);
            var read = ModuleReader.TryRead(bytes, out var error);
            Assert.True(error is null, $"seed {seed}: {error}");
            ModuleAssert.Same($"seed {seed}", module, read!);
            Assert.True(ModuleWriter.Write(read!).AsSpan().SequenceEqual(bytes), $"seed {seed}");
        }
    }

    [Fact]
    public void Validation_of_random_modules_gives_an_error_or_none_but_no_exception()
    {
        for (var seed = 0; seed < 2_000; seed++)
        {
            var error = ModuleValidator.Validate(RandomModules.Make(seed), TestContext.Current.CancellationToken);
            Assert.True(error is null or { Message.Length: > 0 });
        }
    }

    [Fact]
    public void A_section_that_is_changed_is_written_anew_and_the_others_are_copied()
    {
        // Type section with a padded length, memory section with a padded count.
        byte[] bytes = [0, 0x61, 0x73, 0x6D, 1, 0, 0, 0, 1, 0x84, 0, 1, 0x60, 0, 0, 5, 4, 0x81, 0, 0, 1];
        var module = ModuleReader.Read(bytes);
        Assert.Equal(bytes, ModuleWriter.Write(module));
        module.Memories[0] = new MemoryType(new SizeLimits(2, null));
        Assert.Equal([0, 0x61, 0x73, 0x6D, 1, 0, 0, 0, 1, 0x84, 0, 1, 0x60, 0, 0, 5, 3, 1, 0, 2], ModuleWriter.Write(module));
    }

    [Fact]
    public void A_replaced_type_is_seen_by_type_indices()
    {
        var module = new WasmModule();
        module.TypeGroups.Add(RecursionGroup.Single(FunctionType.Of([], [])));
        Assert.Equal(FunctionType.Of([], []), module.FunctionTypeAt(0));
        module.TypeGroups[0] = RecursionGroup.Single(FunctionType.Of([ValueType.I32], []));
        Assert.Equal(FunctionType.Of([ValueType.I32], []), module.FunctionTypeAt(0));
    }

    [Fact]
    public void A_clone_can_be_changed_without_changing_the_original()
    {
        var module = RandomModules.Make(7);
        var before = ModuleWriter.Write(module);
        var clone = module.Clone();
        clone.TypeGroups.Add(RecursionGroup.Single(FunctionType.Of([], [])));
        clone.SetCustom("added", new byte[] { 1 });
        clone.Start = 77;
        Assert.Equal(before, ModuleWriter.Write(module));
        Assert.NotEqual(before, ModuleWriter.Write(clone));
    }
}
