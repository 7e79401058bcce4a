using Mewe.Diversify;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Linking.Tests;

public sealed class LinkErrorTests
{
    private static LinkErrorKind? ErrorOf(WasmModule module, params FunctionVariants[] functions)
    {
        var result = MultivariantLinker.TryLink(module, functions, new LinkOptions(), out var error);
        Assert.Equal(result is null, error is not null);
        return error?.Kind;
    }

    private static FunctionVariants Calling(uint function, uint callee) =>
        new(function, [Variants.Of(new VariantCode(new FunctionCode([], [Instruction.Call(callee), Instruction.Of(Opcode.End)])))]);

    [Fact]
    public void Variants_of_an_import_or_of_no_function_or_twice_are_refused()
    {
        var module = EverythingModule.Make();

        Assert.Null(ErrorOf(module, Variants.Numbered(1, 1)));
        Assert.Equal(LinkErrorKind.UnfitVariant, ErrorOf(module, Variants.Numbered(0, 1)));
        Assert.Equal(LinkErrorKind.UnfitVariant, ErrorOf(module, Variants.Numbered(6, 1)));
        Assert.Equal(LinkErrorKind.UnfitVariant, ErrorOf(module, Variants.Numbered(1, 1), Variants.Numbered(1, 1)));
    }

    [Fact]
    public void A_variant_that_refers_to_functions_that_are_not_there_is_refused()
    {
        var module = EverythingModule.Make();

        Assert.Null(ErrorOf(module, Calling(1, 2)));
        Assert.Equal(LinkErrorKind.UnfitVariant, ErrorOf(module, Calling(1, 6)));
        Assert.Equal(LinkErrorKind.UnfitVariant, ErrorOf(module, Calling(1, VariantCode.OutlinedBase)));
    }

    [Fact]
    public void A_multivariant_module_is_not_linked_again()
    {
        var module = EverythingModule.Make();
        var linked = MultivariantLinker.Link(module, [Variants.Numbered(1, 1)], new LinkOptions());

        Assert.Equal(LinkErrorKind.AlreadyMultivariant, ErrorOf(ModuleReader.Read(linked.Module), Variants.Numbered(2, 1)));
    }

    [Fact]
    public void More_variants_than_the_limit_are_refused()
    {
        var module = EverythingModule.Make();

        Assert.Equal(LinkErrorKind.LimitExceeded, ErrorOf(module, Variants.Numbered(1, MultivariantLinker.MaxChoices)));
        Assert.Null(ErrorOf(module, Variants.Numbered(1, MultivariantLinker.MaxChoices - 1)));
    }

    [Fact]
    public void A_body_that_cannot_be_decoded_is_an_error_with_its_offset()
    {
        var module = EverythingModule.Make();
        module.Bodies[1] = FunctionBody.FromContent(new byte[] { 0, 0xFF, 0x0B });

        Assert.Equal(LinkErrorKind.BadModule, ErrorOf(module, Variants.Numbered(1, 1)));
    }
}
